/** The files of a bundle that are text: how to start it, how to read it, and what the studio needs to take it back. */
import { z } from 'zod';
import { TrainConfigSchema } from '../../shared/config';
import { RESULT, type BundlePlan, type Machines } from './plan';

/** What the studio knows a bundle by. */
export const SIDECAR = 'trm-studio.json';

export const BundleSchema = z.object({
  format: z.literal('trm-studio-bundle'),
  schema: z.literal(1),
  run: z.object({ id: z.string().min(1), name: z.string().min(1).max(200) }),
  /** The run's step at which the reference counts 0. */
  step: z.number().int().min(0),
  /** Training time up to it. */
  seconds: z.number().min(0),
  /** Whole evaluation intervals behind it, and those that the bundle runs. */
  iteration: z.number().int().min(0),
  intervals: z.number().int().min(1),
  weights: z.enum(['ema', 'raw']),
  /** The run's own config. */
  config: TrainConfigSchema,
  exported: z.string(),
});
export type Bundle = z.output<typeof BundleSchema>;

/** A word inside a comment or a heading: no line end may leave it. */
const oneLine = (text: string): string => text.replace(/\s+/g, ' ').trim();

/** bash; paths may hold anything, since the script finds its own folder and works in it with relative names. */
export function runScript(name: string, id: string, { gpus, nodes }: Machines): string {
  const rendezvous =
    nodes === 1
      ? '  --nnodes=1 --rdzv_backend=c10d --rdzv_endpoint=localhost:0 \\'
      : `  --nnodes=${nodes} --rdzv_backend=c10d --rdzv_id=trm-${id.replace(/[^\w-]/g, '')} --rdzv_endpoint="$HEAD_NODE:\${HEAD_PORT:-29500}" \\`;
  return `#!/usr/bin/env bash
# Goes on with ${oneLine(name)} (${oneLine(id)}) in the PyTorch reference: ${nodes} × ${gpus} GPUs. README.md explains.
# Usage: ${nodes === 1 ? '' : 'HEAD_NODE=host '}./run.sh FOLDER_OF_THE_REFERENCE   (or TRM_REPO=FOLDER ./run.sh)${nodes === 1 ? '' : ', on every node'}
set -euo pipefail

repo=\${1:-\${TRM_REPO:-}}
if [ ! -f "$repo/pretrain.py" ]; then
  echo "There is no pretrain.py in \\"$repo\\": name the folder of the reference, as in ./run.sh ~/TinyRecursiveModels" >&2
  exit 2
fi
repo=$(cd -- "$repo" && pwd)
here=$(cd -- "$(dirname -- "\${BASH_SOURCE[0]}")" && pwd)
${nodes === 1 ? '' : `: "\${HEAD_NODE:?set it to the name of the first node, the same on all ${nodes}}"\n`}
# The config's paths are relative to this folder.
cd -- "$here"
# Logs on this disk unless told otherwise; wandb sync brings them up later.
export WANDB_MODE=\${WANDB_MODE:-offline}
exec torchrun --nproc-per-node ${gpus} \\
${rendezvous}
  "$repo/pretrain.py" --config-path "$here" --config-name all_config hydra.run.dir=. hydra.output_subdir=null
`;
}

export function readme(bundle: Bundle, plan: BundlePlan, { gpus, nodes }: Machines, linked: boolean): string {
  const { config, intervals, notes } = plan;
  const name = oneLine(bundle.run.name);
  const count = (n: number) => n.toLocaleString('en-US');
  return `# ${name}, from step ${count(bundle.step)} on

Made by TRM Studio of the run ${name} (${bundle.run.id}) to go on in the reference, SamsungSAILMontreal/TinyRecursiveModels, on ${nodes} node${nodes === 1 ? '' : 's'} with ${gpus} GPU${gpus === 1 ? '' : 's'} each.

## Start

\`\`\`sh
${nodes === 1 ? '' : 'HEAD_NODE=first-node '}./run.sh ~/TinyRecursiveModels${nodes === 1 ? '' : '     # on every node, with this folder at the same path'}
\`\`\`

The reference's own requirements have to be installed there (torch, adam-atan2, hydra-core, wandb, …). Weights & Biases logs offline, to \`wandb/\`, unless WANDB_MODE says otherwise.

## What it does

| | |
|---|---|
| \`step_${bundle.step}\` | the weights (${bundle.weights === 'ema' ? 'averaged, as the reference saves them' : 'those that training goes on with'}), as \`torch.save\` writes them |
| \`all_config.yaml\` | the config, read by hydra with \`--config-name all_config\` |
| \`${config.data_paths.join('`, `')}\` | the dataset${linked ? ' (a link: the folder has to be reachable from the cluster)' : ''} |
| \`identifiers.json\` | which embedding row is which puzzle |
| \`${RESULT}/\` | where the reference puts its step_N, one per evaluation |
| \`${SIDECAR}\` | which run this is, for the way back |

The reference starts to count at 0: its step 1 is step ${count(bundle.step + 1)} of the run. It runs ${count(config.epochs)} epochs, ${intervals} evaluation interval${intervals === 1 ? '' : 's'} of ${count(config.eval_interval ?? config.epochs)}, with lr ${config.lr}, puzzle_emb_lr ${config.puzzle_emb_lr}, ${config.lr_warmup_steps} warm-up steps and seed ${config.seed}.

${['Optimizer state, ACT carry and data position are not in the reference’s checkpoints and start from scratch.', ...notes].map((note) => `- ${note}`).join('\n')}

## Back

\`\`\`sh
trm import-checkpoint THIS_FOLDER                         # the newest step_N of ${RESULT}/
trm import-checkpoint THIS_FOLDER --metrics history.csv   # with its curves
\`\`\`

The run in the studio then stands at step ${count(bundle.step)} + N and goes on from there. The curves come from Weights & Biases: \`run.history(samples=1000000).to_csv("history.csv")\`, or a chart's own CSV export. In the window: **Bring back** on the run's page.
`;
}
