import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { totalSteps } from '../core/train/schedule';
import type { LayeredConfig } from '../shared/config-layers';
import { toWireError } from '../shared/errors';
import { readFacts } from '../studio/datasets/facts';
import { count, print, printJson, say } from './output';
import { configJson, configYaml } from './train-config';

/** `trm train --print-config`: the config on stdout, and what the dataset folders say of it where they can be read. */
export function printConfig(layered: LayeredConfig, data: readonly string[], json: boolean): void {
  const printed = { ...layered, data: data.map((folder) => describe(folder, layered.config)) };
  for (const note of layered.notes) say(note);
  if (json) printJson(configJson(printed));
  else print(configYaml(printed));
}

function describe(folder: string, config: LayeredConfig['config']): string {
  const path = resolve(folder);
  if (!existsSync(path))
    return `dataset ${folder}: no such folder here; with --data it may be a dataset of the studio.`;
  try {
    const { kind, facts } = readFacts(path);
    const steps = totalSteps(config, {
      total_groups: facts.train_groups,
      mean_puzzle_examples: facts.mean_puzzle_examples,
    });
    return `dataset ${folder}: ${kind}, vocab_size ${facts.vocab_size}, seq_len ${facts.seq_len}, ${count(facts.num_puzzle_identifiers)} identifiers, ${count(facts.train_examples)} training examples, ${count(steps)} steps.`;
  } catch (error) {
    return `dataset ${folder}: ${toWireError(error).message}`;
  }
}
