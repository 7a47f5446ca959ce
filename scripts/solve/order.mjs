#!/usr/bin/env node
// node scripts/solve/order.mjs: writes scripts/solve/order.json, the order in which the benchmark solves ARC's evaluation
// tasks: by the sha256 of seed and name, so that anybody can make it again and nobody can choose it. It was committed before
// the first result.
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { arcCollection } from './arc.mjs';
import { orderFile, SEED, SETS } from './lib/benchmark.mjs';

/** @param {string} name */
const place = (name) => createHash('sha256').update(`${SEED}:${name}`).digest('hex');

const sets = Object.entries(SETS).map(([set, { collection }]) => {
  const names = arcCollection(collection).map(({ name }) => name);
  return [set, names.sort((a, b) => (place(a) < place(b) ? -1 : 1))];
});
writeFileSync(orderFile, `${JSON.stringify({ seed: SEED, ...Object.fromEntries(sets) }, null, 2)}\n`);
