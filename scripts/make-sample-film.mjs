// Makes assets/sample-film.mp4 from nothing but arithmetic: `node scripts/make-sample-film.mjs [output]`.
// Needs ffmpeg with libx264 and the DejaVu fonts (Debian: ffmpeg, fonts-dejavu-extra). Takes some minutes.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isMainThread, parentPort, Worker } from 'node:worker_threads';
import { createPainter, SECONDS } from './sample-film/picture.mjs';
import { makeSound } from './sample-film/sound.mjs';

const WIDTH = 1280;
const HEIGHT = 720;
const RATE = 24;
const FRAMES = SECONDS * RATE;
// With 128 kbit/s of sound about 12 MB in all: long enough to watch it arrive, short enough to commit.
const VIDEO_BITRATE = '860k';

if (isMainThread) await make();
else paintOnRequest();

function paintOnRequest() {
  const painter = createPainter(WIDTH, HEIGHT);
  parentPort.on('message', (frame) => {
    const pixels = painter.paint(frame / RATE).slice();
    parentPort.postMessage({ frame, pixels }, [pixels.buffer]);
  });
}

async function make() {
  const output =
    process.argv[2] ?? join(fileURLToPath(new URL('.', import.meta.url)), '../assets/sample-film.mp4');
  const folder = await mkdtemp(join(tmpdir(), 'freshet-film-'));
  try {
    const sound = join(folder, 'sound.wav');
    const picture = join(folder, 'picture.mkv');
    await writeFile(sound, makeSound());
    await paintAll(picture);
    await encode(picture, sound, output, folder);
    console.log(`${output}: ${((await stat(output)).size / 1e6).toFixed(1)} MB`);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function ffmpeg(args, stdin = 'ignore') {
  const child = spawn('nice', ['ffmpeg', '-hide_banner', '-loglevel', 'error', '-y', ...args], {
    stdio: [stdin, 'inherit', 'inherit'],
  });
  const done = once(child, 'exit').then(([code]) => {
    if (code !== 0) throw new Error(`ffmpeg ended with code ${code}`);
  });
  return { child, done };
}

/** Paints every frame on all cores, in order, into a lossless file that both passes of the encoder read. */
async function paintAll(picture) {
  const { child, done } = ffmpeg(
    [
      ...['-f', 'rawvideo', '-pix_fmt', 'rgb24', '-s', `${WIDTH}x${HEIGHT}`, '-r', `${RATE}`, '-i', '-'],
      ...['-vf', 'scale=out_color_matrix=bt709:out_range=tv,format=yuv420p'],
      ...['-c:v', 'libx264', '-preset', 'ultrafast', '-qp', '0', picture],
    ],
    'pipe',
  );
  const workers = Array.from({ length: availableParallelism() }, () => new Worker(new URL(import.meta.url)));
  const ahead = workers.length * 3;
  const painted = new Map();
  let next = 0;
  let written = 0;
  let wake = () => {};
  const idle = [...workers];
  for (const worker of workers) {
    worker.on('error', (error) => child.stdin.destroy(error));
    worker.on('message', ({ frame, pixels }) => {
      painted.set(frame, pixels);
      idle.push(worker);
      wake();
    });
  }
  while (written < FRAMES) {
    while (idle.length > 0 && next < FRAMES && next < written + ahead) idle.pop().postMessage(next++);
    const pixels = painted.get(written);
    if (pixels === undefined) {
      await new Promise((resolve) => {
        wake = resolve;
      });
      continue;
    }
    painted.delete(written++);
    if (!child.stdin.write(pixels)) await once(child.stdin, 'drain');
    if (written % (RATE * 8) === 0) console.log(`painted ${written / RATE} of ${SECONDS} s`);
  }
  child.stdin.end();
  await Promise.all([done, ...workers.map((worker) => worker.terminate())]);
}

async function encode(picture, sound, output, folder) {
  const shown =
    'min(1,max(0,(t-0.6)/1.6))*min(1,max(0,(7-t)/1.8))+min(1,max(0,(t-87)/2))*min(1,max(0,(95.6-t)/1.4))';
  const words = [
    `drawtext=font='DejaVu Sans Light':text='Freshet':fontsize=118:fontcolor=white:alpha='0.94*(${shown})':x=(w-tw)/2:y=h*0.17`,
    `drawtext=font='DejaVu Sans Light':text='one day by the water':fontsize=30:fontcolor=white:alpha='0.85*(${shown})':x=(w-tw)/2:y=h*0.355`,
    "drawtext=font='DejaVu Sans Mono':text='%{pts\\:hms}':fontsize=21:fontcolor=white:alpha=0.75:shadowcolor=black@0.35:shadowx=1:shadowy=1:x=w-tw-28:y=26",
    'fade=t=out:st=94.5:d=1.5',
  ].join(',');
  const video = [
    ...['-vf', words, '-c:v', 'libx264', '-profile:v', 'high', '-pix_fmt', 'yuv420p', '-preset', 'slow'],
    ...['-b:v', VIDEO_BITRATE, '-maxrate', '2M', '-bufsize', '4M', '-g', `${RATE * 2}`],
    ...['-x264-params', 'threads=4:aq-mode=3:colorprim=bt709:transfer=bt709:colormatrix=bt709'],
    ...['-fflags', '+bitexact', '-flags:v', '+bitexact', '-flags:a', '+bitexact'],
    ...['-passlogfile', join(folder, 'pass')],
  ];
  await ffmpeg(['-i', picture, ...video, '-an', '-pass', '1', '-f', 'null', '-']).done;
  await ffmpeg([
    ...['-i', picture, '-i', sound, ...video, '-pass', '2'],
    ...['-af', 'aecho=0.9:0.75:190|410|730:0.24|0.17|0.1', '-c:a', 'aac', '-b:a', '128k', '-shortest'],
    ...['-map_metadata', '-1', '-metadata', 'title=Freshet: one day by the water'],
    ...['-metadata', 'comment=Made by scripts/make-sample-film.mjs; CC0 1.0'],
    ...['-movflags', '+faststart', output],
  ]).done;
}
