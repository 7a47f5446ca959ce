import {
  formatMemory,
  formatLoss,
  formatNumber,
  formatPercent,
  formatPercentTick,
  formatRate,
  formatShort,
} from '../ui/format';

/** One chart of the run page. */
export interface ChartDefinition {
  id: string;
  title: string;
  /** One sentence for those who do not know the word. */
  about: string;
  train: string | null;
  evaluation: string | null;
  format: (value: number | null) => string;
  /** Labels of the y axis. */
  tick: (value: number) => string;
  /** The axis at least spans this. */
  span?: readonly [number, number];
  /** The axis never leaves this. */
  limits?: readonly [number, number];
  /** Distances between labels, where the decimal ones read badly. */
  increments?: readonly number[];
  /** Values that vary by themselves only in jumps are not worth smoothing. */
  smooth: boolean;
}

/** 1 MB, 2 MB, 4 MB … 1 TB */
const BYTE_STEPS = Array.from({ length: 21 }, (_, k) => 2 ** (20 + k));

export const CHARTS: readonly ChartDefinition[] = [
  {
    id: 'exact_accuracy',
    title: 'Exact accuracy',
    about: 'Share of puzzles with every cell right.',
    train: 'exact_accuracy',
    evaluation: 'eval/exact_accuracy',
    format: formatPercent,
    tick: formatPercentTick,
    span: [0, 0.05],
    limits: [0, 1],
    smooth: true,
  },
  {
    id: 'lm_loss',
    title: 'LM loss',
    about: 'Token loss per puzzle: how far the answer’s probabilities are from the labels.',
    train: 'lm_loss',
    evaluation: 'eval/lm_loss',
    format: formatLoss,
    tick: formatShort,
    limits: [0, Infinity],
    smooth: true,
  },
  {
    id: 'q_halt_accuracy',
    title: 'Halting accuracy',
    about: 'How often q_halt says rightly whether the answer is complete.',
    train: 'q_halt_accuracy',
    evaluation: 'eval/q_halt_accuracy',
    format: formatPercent,
    tick: formatPercentTick,
    limits: [0, 1],
    smooth: true,
  },
  {
    id: 'steps',
    title: 'Mean ACT steps',
    about: 'ACT steps that puzzles took before they halted.',
    train: 'steps',
    evaluation: null,
    format: (value) => (value === null ? formatNumber(null) : value.toFixed(1)),
    tick: formatShort,
    limits: [0, Infinity],
    smooth: true,
  },
  {
    id: 'accuracy',
    title: 'Accuracy',
    about: 'Share of labelled cells that are right.',
    train: 'accuracy',
    evaluation: 'eval/accuracy',
    format: formatPercent,
    tick: formatPercentTick,
    limits: [0, 1],
    smooth: true,
  },
  {
    id: 'lr',
    title: 'Learning rate',
    about: 'Of the network’s weights, after warm-up and schedule.',
    train: 'lr',
    evaluation: null,
    format: formatNumber,
    tick: formatShort,
    span: [0, 0],
    smooth: false,
  },
  {
    id: 'steps_per_s',
    title: 'Speed',
    about: 'Optimizer steps per second.',
    train: 'steps_per_s',
    evaluation: null,
    format: (value) => formatRate(value),
    tick: formatShort,
    span: [0, 0],
    smooth: true,
  },
  {
    id: 'memory',
    title: 'Memory',
    about: 'Memory that the compute process holds.',
    train: 'machine/memory_bytes',
    evaluation: null,
    format: formatMemory,
    tick: (value) => (value === 0 ? '0' : formatMemory(value)),
    increments: BYTE_STEPS,
    span: [0, 0],
    smooth: false,
  },
];

/** Names to ask the store for: the charts', and what the run's machine card tells. */
export const RUN_METRICS: readonly string[] = [
  ...CHARTS.flatMap((chart) => [chart.train, chart.evaluation]).filter((name): name is string => name !== null),
  'samples_per_s',
  'machine/tensors',
];
