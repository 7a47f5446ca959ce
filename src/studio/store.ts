/** The database and its repositories: one object that the services share. */
import type { Db } from './db/open';
import { CheckpointRepository } from './repositories/checkpoints';
import { DatasetRepository } from './repositories/datasets';
import { EvaluationRepository } from './repositories/evaluations';
import { EventRepository } from './repositories/events';
import { MetricRepository } from './repositories/metrics';
import { PredictionRepository } from './repositories/predictions';
import { RunRepository } from './repositories/runs';
import { SolveRepository } from './repositories/solves';
import { SettingsRepository } from './repositories/settings';
import { SubsetRepository } from './repositories/subsets';
import { TaskRepository } from './repositories/tasks';
import { TraceRepository } from './repositories/traces';

export interface Store {
  db: Db;
  subsets: SubsetRepository;
  tasks: TaskRepository;
  datasets: DatasetRepository;
  runs: RunRepository;
  metrics: MetricRepository;
  checkpoints: CheckpointRepository;
  events: EventRepository;
  predictions: PredictionRepository;
  traces: TraceRepository;
  evaluations: EvaluationRepository;
  solves: SolveRepository;
  settings: SettingsRepository;
}

export function openStore(db: Db): Store {
  return {
    db,
    subsets: new SubsetRepository(db),
    tasks: new TaskRepository(db),
    datasets: new DatasetRepository(db),
    runs: new RunRepository(db),
    metrics: new MetricRepository(db),
    checkpoints: new CheckpointRepository(db),
    events: new EventRepository(db),
    predictions: new PredictionRepository(db),
    traces: new TraceRepository(db),
    evaluations: new EvaluationRepository(db),
    solves: new SolveRepository(db),
    settings: new SettingsRepository(db),
  };
}
