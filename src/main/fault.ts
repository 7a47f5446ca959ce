/** For what may fail without harm (a link that no browser opens): a line in the terminal, and the app goes on. */
export const say =
  (what: string) =>
  (error: unknown): void => {
    process.stderr.write(`${what}: ${error instanceof Error ? error.message : String(error)}\n`);
  };
