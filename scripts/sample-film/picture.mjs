// The picture of the sample film: one day and one night over a lake, drawn from sines, noise and gradients.
// Everything is a function of the time in seconds, so frames can be drawn in any order and by any thread.

export const SECONDS = 96;

/** A small generator with a seed, so that every run draws the same stars and hills. */
export function randomFrom(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

const clamp = (x, low = 0, high = 1) => Math.min(Math.max(x, low), high);
const mix = (a, b, k) => a + (b - a) * k;
const bell = (x) => Math.exp(-x * x);
const smooth = (a, b, x) => {
  const k = clamp((x - a) / (b - a));
  return k * k * (3 - 2 * k);
};

const NOISE = 512;

/** Cloud-like noise that repeats at its edges: six octaves of a smoothly interpolated lattice. */
function makeNoise(seed) {
  const out = new Float32Array(NOISE * NOISE);
  let weight = 0.5;
  for (let cells = 4; cells <= 128; cells *= 2) {
    const random = randomFrom(seed + cells);
    const lattice = Float32Array.from({ length: cells * cells }, () => random());
    for (let y = 0; y < NOISE; y++) {
      const gy = (y / NOISE) * cells;
      const y0 = Math.floor(gy);
      const ky = smooth(0, 1, gy - y0);
      const row0 = (y0 % cells) * cells;
      const row1 = ((y0 + 1) % cells) * cells;
      for (let x = 0; x < NOISE; x++) {
        const gx = (x / NOISE) * cells;
        const x0 = Math.floor(gx);
        const kx = smooth(0, 1, gx - x0);
        const x1 = (x0 + 1) % cells;
        const top = mix(lattice[row0 + x0], lattice[row0 + x1], kx);
        const bottom = mix(lattice[row1 + x0], lattice[row1 + x1], kx);
        out[y * NOISE + x] += weight * mix(top, bottom, ky);
      }
    }
    weight *= 0.52;
  }
  return out;
}

function sampleNoise(noise, u, v) {
  const fu = Math.floor(u);
  const fv = Math.floor(v);
  const ku = u - fu;
  const kv = v - fv;
  const x0 = fu & (NOISE - 1);
  const x1 = (fu + 1) & (NOISE - 1);
  const y0 = (fv & (NOISE - 1)) * NOISE;
  const y1 = ((fv + 1) & (NOISE - 1)) * NOISE;
  return mix(mix(noise[y0 + x0], noise[y0 + x1], ku), mix(noise[y1 + x0], noise[y1 + x1], ku), kv);
}

const rgb = (hex) => [(hex >> 16) / 255, ((hex >> 8) & 255) / 255, (hex & 255) / 255];

// When (s), zenith, middle of the sky, horizon, light on the clouds, shade of the clouds.
const DAY = [
  [0, 0x16234a, 0x3d4a7a, 0xc98a86, 0x8d7f9c, 0x2b3358],
  [9, 0x2a4a86, 0x8d86b0, 0xffb27a, 0xffc0a0, 0x6d6890],
  [20, 0x3f7fc4, 0x94bfe0, 0xffe0b8, 0xfff0dc, 0xa9b4cc],
  [36, 0x2f7fd0, 0x78b7ea, 0xd6ecf7, 0xffffff, 0xb4c6da],
  [48, 0x3c78ba, 0x9cbcd4, 0xffe0a6, 0xfff0cc, 0xa8a8b8],
  [57, 0x3a4f92, 0xb57f92, 0xffa552, 0xffb070, 0x7a5a80],
  [63, 0x2a2f6c, 0x8c4a86, 0xff6a4a, 0xff7a66, 0x54386e],
  [70, 0x141c48, 0x3a3170, 0x9a4a78, 0x6a4a80, 0x231f4c],
  [77, 0x070d26, 0x101d44, 0x24375e, 0x1c2a4e, 0x0b1430],
  [96, 0x050a20, 0x0c1a3a, 0x1c3a56, 0x182848, 0x081128],
].map(([at, ...colours]) => ({ at, colours: colours.map(rgb) }));

function paletteAt(t) {
  let i = 0;
  while (i < DAY.length - 2 && DAY[i + 1].at <= t) i++;
  const k = smooth(DAY[i].at, DAY[i + 1].at, t);
  return DAY[i].colours.map((from, c) => from.map((value, j) => mix(value, DAY[i + 1].colours[c][j], k)));
}

/** One painter holds the buffers for one size; `paint(t)` fills and returns `pixels` (RGB, 8 bits). */
export function createPainter(width, height) {
  const horizon = Math.round(height * 0.6);
  const sky = new Float32Array(width * horizon * 3);
  const pixels = new Uint8Array(width * height * 3);
  const noise = makeNoise(7);
  const random = randomFrom(42);
  const stars = Array.from({ length: 620 }, () => ({
    x: random(),
    y: random() ** 1.3,
    light: 0.15 + 0.85 * random() ** 4,
    warm: random(),
    phase: random() * 6.283,
  }));
  const dither = Float32Array.from({ length: 4096 }, () => random() + random() - 1);
  const ranges = [
    { base: 0.035, rise: 0.3, scale: 1.5, seed: 96, haze: 0.7, rough: 1, pan: 0.0007 },
    { base: 0.02, rise: 0.17, scale: 2.1, seed: 170, haze: 0.44, rough: 0.6, pan: 0.0013 },
    { base: 0.004, rise: 0.085, scale: 3.4, seed: 330, haze: 0.16, rough: 0.25, pan: 0.0022 },
  ];
  const reeds = Array.from({ length: 74 }, (_, i) => {
    const left = i % 2 === 0;
    const spread = random() ** 1.7 * 0.24;
    return {
      x: left ? spread - 0.02 : 1.02 - spread,
      tall: (0.1 + random() * 0.2) * (1 - spread * 2.2),
      lean: (left ? 1 : -1) * (0.008 + random() * 0.035),
      phase: random() * 6.283,
      head: random() < 0.3,
    };
  });
  const unit = height;

  function paintSky(t, palette, sun, moon, night) {
    const [zenith, middle, low, cloudLight, cloudShade] = palette;
    const aurora = smooth(74, 82, t);
    const ray = new Float32Array(width * 2);
    const foot = new Float32Array(width * 2);
    if (aurora > 0) {
      for (let x = 0; x < width; x++) {
        for (let c = 0; c < 2; c++) {
          const u = x / width + c * 0.37;
          foot[x * 2 + c] =
            (0.6 - c * 0.2 + 0.09 * Math.sin(u * 5 + t * 0.13 + c) + 0.05 * Math.sin(u * 11 - t * 0.21)) *
            horizon;
          const fold = sampleNoise(noise, u * 260 + t * (2.2 + c), 40 + c * 90 + t * 1.5);
          const broad = sampleNoise(noise, u * 36 - t * 1.3, 300 + c * 70);
          ray[x * 2 + c] = aurora * smooth(0.32, 0.62, broad) * (0.25 + 1.5 * smooth(0.36, 0.68, fold));
        }
      }
    }
    for (let y = 0; y < horizon; y++) {
      const h = 1 - y / horizon;
      const k1 = smooth(0, 0.42, h);
      const k2 = smooth(0.25, 1, h);
      const cr = mix(mix(low[0], middle[0], k1), zenith[0], k2);
      const cg = mix(mix(low[1], middle[1], k1), zenith[1], k2);
      const cb = mix(mix(low[2], middle[2], k1), zenith[2], k2);
      const far = 1 / (h + 0.16);
      const veil = smooth(0.02, 0.2, h) * (1 - 0.55 * night);
      for (let x = 0; x < width; x++) {
        const i = (y * width + x) * 3;
        let r = cr;
        let g = cg;
        let b = cb;
        const sx = (x - sun.x * width) / unit;
        const sy = (y - sun.y * horizon) / unit;
        const sd = Math.sqrt(sx * sx + sy * sy);
        const glow = sun.light * (0.55 * Math.exp(-sd * 4.2) + 0.35 * Math.exp(-sd * 15));
        r += glow * sun.colour[0];
        g += glow * sun.colour[1];
        b += glow * sun.colour[2];
        const mx = (x - moon.x * width) / unit;
        const my = (y - moon.y * horizon) / unit;
        const md = Math.sqrt(mx * mx + my * my);
        const halo = moon.light * (0.2 * Math.exp(-md * 9) + 0.18 * Math.exp(-md * 30));
        r += halo * 0.8;
        g += halo * 0.9;
        b += halo;
        const disc = sun.light * (1 - smooth(sun.size - 1.5 / unit, sun.size + 1.5 / unit, sd));
        r = mix(r, 1.5, disc);
        g = mix(g, sun.colour[1] * 0.85 + 0.62, disc);
        b = mix(b, sun.colour[2] * 1.05 + 0.34, disc);
        const face = moon.light * (1 - smooth(0.03, 0.03 + 2 / unit, md));
        if (face > 0) {
          const spot = 0.78 + 0.3 * sampleNoise(noise, mx * 1500 + 90, my * 1500 + 200);
          r = mix(r, 0.93 * spot, face);
          g = mix(g, 0.95 * spot, face);
          b = mix(b, 0.98 * spot, face);
        }
        if (aurora > 0) {
          for (let c = 0; c < 2; c++) {
            const above = (foot[x * 2 + c] - y) / horizon;
            const body = above > 0 ? Math.exp(-above * 4.4) * smooth(0, 0.07, above) : 0;
            const power = body * ray[x * 2 + c];
            const high = smooth(0.06, 0.45, above);
            r += power * mix(0.1, 0.5, high);
            g += power * mix(0.86, 0.2, high);
            b += power * mix(0.5, 0.72, high);
          }
        }
        // Clouds lie on a plane overhead: far ones are small and close together.
        const u = ((x / width - 0.5) * 150 + 20) * far + 200;
        const v = far * 92;
        const cloud =
          0.62 * sampleNoise(noise, u + t * 3.1, v + t * 0.9) +
          0.38 * sampleNoise(noise, u * 2.3 - t * 1.4, v * 2.1 + t * 2.2);
        const cover = smooth(0.47, 0.74, cloud) * veil;
        if (cover > 0) {
          const shade = smooth(0.5, 0.85, cloud) * 0.75;
          const lit = sun.light * Math.exp(-sd * 2.6) * 0.5;
          r = mix(r, mix(cloudLight[0], cloudShade[0], shade) + lit * sun.colour[0], cover * 0.85);
          g = mix(g, mix(cloudLight[1], cloudShade[1], shade) + lit * sun.colour[1] * 0.8, cover * 0.85);
          b = mix(b, mix(cloudLight[2], cloudShade[2], shade) + lit * sun.colour[2] * 0.6, cover * 0.85);
        }
        sky[i] = r;
        sky[i + 1] = g;
        sky[i + 2] = b;
      }
    }
  }

  function paintStars(t, night) {
    if (night <= 0) return;
    const scale = height / 720;
    for (const star of stars) {
      const cx = ((((star.x + t * 0.0006) % 1) + 1) % 1) * width;
      const cy = star.y * horizon * 0.94;
      const light = night * star.light * (0.75 + 0.25 * Math.sin(t * 1.9 + star.phase));
      const reach = Math.ceil(3 * scale);
      for (let y = Math.max(0, Math.floor(cy) - reach); y <= Math.min(horizon - 1, cy + reach); y++) {
        for (let x = Math.max(0, Math.floor(cx) - reach); x <= Math.min(width - 1, cx + reach); x++) {
          const d2 = ((x - cx) ** 2 + (y - cy) ** 2) / (scale * scale);
          const add = light * Math.exp(-d2 / (0.5 + star.light * 0.9));
          const i = (y * width + x) * 3;
          sky[i] += add * mix(0.8, 1, star.warm);
          sky[i + 1] += add * 0.9;
          sky[i + 2] += add * mix(1, 0.75, star.warm);
        }
      }
    }
  }

  function paintRanges(t, palette, sun, night) {
    const [zenith, , low] = palette;
    ranges.forEach((range, layer) => {
      const dark = mix(0.2, 0.05, night) * (1 - range.haze * 0.4);
      const colour = [0, 1, 2].map((c) =>
        mix(
          mix(zenith[c] * 0.5, dark * [0.55, 0.75, 0.8][c], 0.62),
          mix(low[c], zenith[c], 0.25),
          range.haze * 0.88,
        ),
      );
      for (let x = 0; x < width; x++) {
        const u = (x / width + t * range.pan) * 120 * range.scale + range.seed;
        // Folding the noise at its middle makes crests where it would only roll.
        const roll = sampleNoise(noise, u, range.seed);
        const crest = 1 - Math.abs(sampleNoise(noise, u * 1.35, range.seed + 60.5) * 2 - 1) * 2.2;
        const ridge = mix(
          smooth(0.25, 0.75, roll),
          crest * (0.35 + 0.65 * smooth(0.25, 0.75, roll)),
          range.rough * 0.6,
        );
        const top = horizon - (range.base + range.rise * clamp(ridge, -0.05, 1)) * unit * 1.2;
        const first = Math.max(0, Math.floor(top));
        for (let y = first; y < horizon; y++) {
          const i = (y * width + x) * 3;
          const cover = clamp(y + 1 - top);
          // Mist gathers at the foot of every range.
          const mist = smooth(0, 1, (y - top) / (horizon - top + 1)) * (0.42 - layer * 0.09);
          const sd = Math.abs(x / width - sun.x);
          const warm = sun.light * sun.low * Math.exp(-sd * 5) * 0.3 * (0.4 + mist);
          for (let c = 0; c < 3; c++) {
            const value = mix(colour[c], low[c], mist) + warm * sun.colour[c];
            sky[i + c] = mix(sky[i + c], value, cover);
          }
        }
      }
    });
  }

  function paintWater(t, palette, sun, moon) {
    const [zenith, middle] = palette;
    const rows = height - horizon;
    for (let y = 0; y < height; y++) {
      if (y < horizon) continue;
      const d = (y - horizon + 0.5) / rows;
      const depth = 1 / (d + 0.035);
      const blend = mix(0.08, 0.34, d);
      const tint = [0, 1, 2].map((c) => mix(zenith[c], middle[c], 0.25) * [0.34, 0.44, 0.5][c]);
      for (let x = 0; x < width; x++) {
        const px = (x / width - 0.5) * depth;
        // Slopes of a few long waves, and ripples carried by the noise field.
        const a = Math.sin(px * 5.2 + depth * 5.1 + t * 1.25);
        const b = Math.sin(px * 11.5 - depth * 8.3 - t * 1.7 + a * 0.6);
        const ripple =
          0.55 * sampleNoise(noise, px * 46 + t * 5, depth * 90 + t * 13) +
          0.75 * sampleNoise(noise, px * 130 - t * 9, depth * 260 + t * 19) +
          0.5 * sampleNoise(noise, px * 260 + t * 11, depth * 610 - t * 23) -
          0.9;
        const slope = 0.2 * a + 0.16 * b + 1.5 * ripple;
        const mirror = horizon - 1 - (y - horizon) * 1.25 - slope * (3 + 46 * d) * (height / 720);
        const my = clamp(mirror < 0 ? -mirror * 0.5 : mirror, 0, horizon - 2);
        const mx = clamp(x + slope * (2 + 14 * d) * (height / 720), 0, width - 1) | 0;
        const y0 = my | 0;
        const ky = my - y0;
        const j = (y0 * width + mx) * 3;
        const k = j + width * 3;
        const spark = smooth(0.2, 0.55, slope);
        const sunPath = bell(((x / width - sun.x) * 9) / (0.6 + d * 1.7)) * sun.light * sun.low;
        const moonPath = bell(((x / width - moon.x) * 14) / (0.5 + d * 1.4)) * moon.light * 0.42;
        const shine = spark * (0.25 + 0.75 * (1 - d));
        const i = (y * width + x) * 3;
        for (let c = 0; c < 3; c++) {
          const seen = mix(sky[j + c], sky[k + c], ky);
          let value = mix(seen * 0.86, tint[c], blend);
          value += shine * (sunPath * sun.colour[c] * 0.85 + moonPath * [0.8, 0.9, 1][c] + 0.05 * middle[c]);
          sky3[c] = value;
        }
        put(i, x, y, sky3[0], sky3[1], sky3[2]);
      }
    }
  }

  const sky3 = new Float32Array(3);

  function put(i, x, y, r, g, b) {
    const vx = x / width - 0.5;
    const vy = y / height - 0.5;
    const vignette = 1 - 0.42 * (vx * vx + vy * vy);
    const grain = dither[((y & 63) << 6) | (x & 63)] * 0.6;
    pixels[i] = clamp(shoulder(r * vignette) * 255 + grain + 0.5, 0, 255);
    pixels[i + 1] = clamp(shoulder(g * vignette) * 255 + grain + 0.5, 0, 255);
    pixels[i + 2] = clamp(shoulder(b * vignette) * 255 + grain + 0.5, 0, 255);
  }

  function paintReeds(t, night, palette) {
    const low = palette[2];
    const dark = [0.035, 0.05, 0.055].map((v, c) => (v + low[c] * 0.045) * mix(1, 0.5, night) * 255);
    for (const reed of reeds) {
      const sway = 0.01 * Math.sin(t * 0.9 + reed.phase) + 0.006 * Math.sin(t * 1.7 + reed.phase * 2.3);
      const tall = reed.tall * height;
      for (let s = 0; s < tall; s++) {
        const k = s / tall;
        const cx = (reed.x + (reed.lean + sway) * k * k) * width;
        const y = height - 1 - s;
        const half = (reed.head && k > 0.78 && k < 0.95 ? 3.4 : mix(2.3, 0.45, k)) * (height / 720);
        for (let x = Math.max(0, Math.floor(cx - half - 1)); x <= Math.min(width - 1, cx + half + 1); x++) {
          const cover = clamp(half + 0.5 - Math.abs(x - cx));
          const i = (y * width + x) * 3;
          for (let c = 0; c < 3; c++) pixels[i + c] = mix(pixels[i + c], dark[c], cover);
        }
      }
    }
  }

  function paintBirds(t) {
    if (t < 24 || t > 52) return;
    for (let n = 0; n < 7; n++) {
      const rank = Math.ceil(n / 2) * (n % 2 ? 1 : -1);
      const cx = (-0.15 + (t - 24) * 0.05 - Math.abs(rank) * 0.022) * width;
      const cy = (0.22 + rank * 0.017 + 0.015 * Math.sin(t * 0.5) - (t - 24) * 0.002) * height;
      const flap = Math.sin(t * 5.2 + n * 0.9);
      const span = 0.0125 * height;
      for (let s = -span; s <= span; s += 0.5) {
        const k = Math.abs(s) / span;
        const y0 = cy - span * (0.5 * flap * k - 0.25 * k * k * (1 + flap));
        const half = mix(1.3, 0.4, k) * (height / 720);
        for (let y = Math.floor(y0 - half - 1); y <= y0 + half + 1; y++) {
          const x = Math.round(cx + s);
          if (x < 0 || x >= width || y < 0 || y >= horizon) continue;
          const cover = clamp(half + 0.5 - Math.abs(y - y0)) * 0.8;
          const i = (y * width + x) * 3;
          pixels[i] = mix(pixels[i], 36, cover);
          pixels[i + 1] = mix(pixels[i + 1], 44, cover);
          pixels[i + 2] = mix(pixels[i + 2], 60, cover);
        }
      }
    }
  }

  function paint(t) {
    const palette = paletteAt(t);
    const night = smooth(66, 78, t);
    const day = (t - 5) / (64 - 5);
    const up = Math.sin(clamp(day, -0.2, 1.2) * Math.PI);
    const sun = {
      x: mix(0.3, 0.68, day),
      y: 1.02 - 0.9 * up,
      size: 0.038,
      low: 1 - smooth(0.35, 0.95, up) * 0.6,
      light: smooth(2, 8, t) * (1 - smooth(63, 68, t)),
      colour: [1, mix(0.5, 0.92, smooth(0.05, 0.7, up)), mix(0.18, 0.72, smooth(0.1, 0.85, up))],
    };
    const rise = (t - 70) / 26;
    const moon = {
      x: 0.2 + 0.06 * rise,
      y: 1 - 0.8 * Math.sin(clamp(rise, 0, 1) * 1.35),
      light: smooth(71, 77, t),
    };
    paintSky(t, palette, sun, moon, night);
    paintStars(t, Math.max(night, 0.75 * (1 - smooth(0, 6, t))));
    paintRanges(t, palette, sun, night);
    for (let y = 0; y < horizon; y++) {
      for (let x = 0; x < width; x++) {
        const i = (y * width + x) * 3;
        put(i, x, y, sky[i], sky[i + 1], sky[i + 2]);
      }
    }
    paintWater(t, palette, sun, moon);
    paintBirds(t);
    paintReeds(t, night, palette);
    return pixels;
  }

  return { paint, pixels };
}

/** Bright values bend towards white instead of clipping. */
function shoulder(v) {
  return v < 0.8 ? v : 1 - 0.2 * Math.exp(-(v - 0.8) / 0.2);
}
