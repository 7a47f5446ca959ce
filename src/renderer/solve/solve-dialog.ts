/** What a solve dialog is opened for: tasks of the store, the tasks of an import, or a solve that is made again. */
export type SolveWhat = { name: string; count: number } & (
  { kind: 'tasks'; ids: readonly number[] } | { kind: 'import'; import: string } | { kind: 'again'; solve: string }
);
