/** Files that come with the app, wherever the bundler put this code: found from the package's own folder. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

export interface AppFiles {
  /** The folder with package.json. */
  root: string;
  version: string;
  /** Bundled tasks and licences. */
  resources: string;
  /** Set-up's report on TensorFlow; it may not be there. */
  runtimeReport: string;
  /** The built window, for the server. */
  renderer: string;
}

let cached: AppFiles | null = null;

export function appFiles(): AppFiles {
  if (cached) return cached;
  let root = __dirname;
  let name = '';
  let version = '0.0.0';
  for (;;) {
    const file = join(root, 'package.json');
    if (existsSync(file))
      ({ name, version } = JSON.parse(readFileSync(file, 'utf8')) as { name: string; version: string });
    if (name === 'trm-studio') break;
    const up = dirname(root);
    if (up === root) throw new Error(`package.json of trm-studio was not found above ${__dirname}`);
    root = up;
  }
  const packaged = (process as { resourcesPath?: string }).resourcesPath;
  const beside = packaged === undefined ? null : join(packaged, 'resources');
  cached = {
    root,
    version,
    resources: beside !== null && existsSync(beside) ? beside : join(root, 'resources'),
    runtimeReport: join(root, 'node_modules', '.trm', 'runtime.json'),
    renderer: join(root, 'out', 'renderer'),
  };
  return cached;
}
