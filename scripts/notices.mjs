#!/usr/bin/env node
/**
 * Writes THIRD_PARTY_NOTICES.md from what npm installed: every package that ends up in the app, with its licence text.
 * `--check` fails if the file is not what it would write. The starting points are `dependencies`, and of
 * `devDependencies` those that the build bundles.
 */
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const target = join(root, 'THIRD_PARTY_NOTICES.md');

/** devDependencies whose code or files are in out/ (the rest are tools). */
const BUNDLED = [
  '@fontsource-variable/inter',
  '@fontsource-variable/jetbrains-mono',
  '@lucide/vue',
  '@tanstack/vue-virtual',
  '@vueuse/core',
  'commander',
  'fflate',
  'modern-tar',
  'pinia',
  'reka-ui',
  'uplot',
  'vue',
  'vue-router',
  'yaml',
  'zod',
];

/** Not npm packages, or installed beside the app. */
const BESIDE = `- **TensorFlow 2.21** (Apache-2.0, © The TensorFlow Authors), fetched at set-up through pip, with NVIDIA's CUDA wheels (NVIDIA's licences) on GPU machines.
- **Electron** (MIT, © Electron contributors, © GitHub Inc.) with **Chromium** (BSD-3-Clause and others; Electron ships LICENSES.chromium.html).
- **Node.js** (MIT and others; its LICENSE lies in the package).
- **ARC-AGI** and **ARC-AGI-2** tasks (Apache-2.0), **ConceptARC** tasks (MIT, © 2024 Victor Vikram Odouard): licence texts in \`resources/\`.
`;

/** @param {string} file */
const read = (file) => JSON.parse(readFileSync(file, 'utf8'));

/**
 * Folder of `name` as seen from the package in `from`, like Node resolves it; null if it is not installed.
 * @param {string} name
 * @param {string} from
 */
function locate(name, from) {
  for (let dir = from; ; dir = dirname(dir)) {
    const candidate = join(dir, 'node_modules', name);
    if (existsSync(join(candidate, 'package.json'))) return candidate;
    if (dir === root || dir === dirname(dir)) return null;
  }
}

/** @type {Map<string, { name: string, version: string, licence: string, text: string }>} */
const found = new Map();

/**
 * Adds `name` and all it depends on.
 * @param {string} name
 * @param {string} from
 */
function visit(name, from) {
  const dir = locate(name, from);
  if (!dir) return;
  const pkg = read(join(dir, 'package.json'));
  const key = `${pkg.name}@${pkg.version}`;
  if (found.has(key)) return;
  const file = readdirSync(dir).find((f) => /^(licen[cs]e|copying)(\.|-|$)/i.test(f));
  const licence =
    typeof pkg.license === 'string' ? pkg.license : (pkg.license?.type ?? pkg.licenses?.[0]?.type ?? 'see text');
  found.set(key, {
    name: pkg.name,
    version: pkg.version,
    licence,
    text: file ? readFileSync(join(dir, file), 'utf8').trim() : '',
  });
  for (const next of Object.keys(pkg.dependencies ?? {})) visit(next, dir);
}

const pkg = read(join(root, 'package.json'));
for (const name of [...Object.keys(pkg.dependencies), ...BUNDLED]) visit(name, root);
const all = [...found.values()].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));

// The same text serves dozens of packages: each is printed once, under all that use it.
/** @type {Map<string, (typeof all)[number][]>} */
const texts = new Map();
for (const entry of all) {
  const normal = entry.text.replace(/\r\n/g, '\n');
  texts.set(normal, [...(texts.get(normal) ?? []), entry]);
}
let out = `# Third-party notices\n\nTRM Studio is MIT-licensed (LICENSE). It stands on the following. Written by \`node scripts/notices.mjs\`.\n\n${BESIDE}\n## npm packages in the app\n\n`;
out += all.map((e) => `- ${e.name} ${e.version} (${e.licence})`).join('\n');
out += '\n\n## Licence texts\n';
for (const [text, entries] of texts) {
  if (!text) continue;
  out += `\n### ${entries.map((e) => e.name).join(', ')}\n\n\`\`\`text\n${text}\n\`\`\`\n`;
}

if (process.argv.includes('--check')) {
  if (!existsSync(target) || readFileSync(target, 'utf8') !== out) {
    process.stderr.write(
      'THIRD_PARTY_NOTICES.md is out of date: run `node scripts/notices.mjs` and commit the result.\n',
    );
    process.exit(1);
  }
} else {
  writeFileSync(target, out);
  process.stderr.write(`${all.length} packages written to THIRD_PARTY_NOTICES.md\n`);
}
