// The sound of the sample film: slow chords of sines, a few soft bells, and water.
import { randomFrom, SECONDS } from './picture.mjs';

export const SAMPLE_RATE = 44_100;
const CHORD_SECONDS = 12;

// MIDI notes; D major with its ninths, so that no change of chord is abrupt.
const CHORDS = [
  [38, 57, 61, 64, 66],
  [35, 54, 57, 61, 66],
  [43, 55, 59, 62, 69],
  [45, 57, 59, 64, 66],
  [42, 54, 57, 61, 64],
  [43, 55, 59, 62, 66],
  [40, 55, 59, 62, 66],
  [38, 57, 62, 64, 66],
];
const BELLS = [74, 76, 78, 81, 83, 86];

const frequency = (note) => 440 * 2 ** ((note - 69) / 12);

/** The whole sound as a WAV file: 16 bits, two channels. */
export function makeSound() {
  const length = SECONDS * SAMPLE_RATE;
  const channels = [new Float32Array(length), new Float32Array(length)];
  const random = randomFrom(2024);

  CHORDS.forEach((chord, index) => {
    const from = Math.max(0, index * CHORD_SECONDS - 3);
    const to = Math.min(SECONDS, (index + 1) * CHORD_SECONDS + 3);
    chord.forEach((note, voice) => {
      const level = voice === 0 ? 0.085 : 0.042;
      const sway = random() * 6.283;
      channels.forEach((samples, side) => {
        const pitch = frequency(note) * (1 + (side === 0 ? -1 : 1) * 0.0011);
        const step = (2 * Math.PI * pitch) / SAMPLE_RATE;
        const phase = random() * 6.283;
        for (let i = from * SAMPLE_RATE; i < to * SAMPLE_RATE; i++) {
          const t = i / SAMPLE_RATE;
          const rise = Math.min(1, (t - from) / 6);
          const fall = Math.min(1, (to - t) / 6);
          const shape = Math.sin((Math.min(rise, fall) * Math.PI) / 2) ** 2;
          const breath = 0.8 + 0.2 * Math.sin(t * 0.9 + sway + side * 1.2);
          const angle = step * i + phase;
          samples[i] +=
            level *
            shape *
            breath *
            (Math.sin(angle) + 0.22 * Math.sin(2 * angle) + 0.06 * Math.sin(3 * angle));
        }
      });
    });
  });

  for (let at = 5; at < SECONDS - 8; at += 1.1 + random() * 2.4) {
    const note = BELLS[Math.floor(random() * BELLS.length)];
    const place = 0.25 + random() * 0.5;
    const level = 0.02 + random() * 0.022;
    for (let echo = 0; echo < 4; echo++) {
      const start = Math.floor((at + echo * 0.43) * SAMPLE_RATE);
      const gain = level * 0.45 ** echo;
      const right = echo % 2 === 0 ? place : 1 - place;
      for (let n = 0; n < 4 * SAMPLE_RATE && start + n < length; n++) {
        const t = n / SAMPLE_RATE;
        const tone = Math.sin(2 * Math.PI * frequency(note) * t) * Math.min(1, t / 0.02) * Math.exp(-t * 1.7);
        channels[0][start + n] += gain * (1 - right) * 2 * tone;
        channels[1][start + n] += gain * right * 2 * tone;
      }
    }
  }

  channels.forEach((samples, side) => {
    let slow = 0;
    let slower = 0;
    for (let i = 0; i < length; i++) {
      const t = i / SAMPLE_RATE;
      slow += 0.06 * (random() * 2 - 1 - slow);
      slower += 0.004 * (slow - slower);
      const lap = 0.55 + 0.45 * Math.sin(t * 0.71 + side * 0.9) * Math.sin(t * 0.23 + 1);
      samples[i] += 0.075 * lap * (slow - slower);
    }
  });

  const wav = Buffer.alloc(44 + length * 4);
  wav.write('RIFF', 0, 'latin1');
  wav.writeUInt32LE(wav.length - 8, 4);
  wav.write('WAVEfmt ', 8, 'latin1');
  wav.writeUInt32LE(16, 16);
  wav.writeUInt16LE(1, 20);
  wav.writeUInt16LE(2, 22);
  wav.writeUInt32LE(SAMPLE_RATE, 24);
  wav.writeUInt32LE(SAMPLE_RATE * 4, 28);
  wav.writeUInt16LE(4, 32);
  wav.writeUInt16LE(16, 34);
  wav.write('data', 36, 'latin1');
  wav.writeUInt32LE(length * 4, 40);
  for (let i = 0; i < length; i++) {
    const t = i / SAMPLE_RATE;
    const fade = Math.min(1, t / 2, (SECONDS - t) / 4);
    for (let side = 0; side < 2; side++) {
      wav.writeInt16LE(Math.round(Math.tanh(channels[side][i] * 1.5 * fade) * 30_000), 44 + i * 4 + side * 2);
    }
  }
  return wav;
}
