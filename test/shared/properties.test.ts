/** What holds for every input, not only for the examples that somebody thought of. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from '../property';
import { afterAll, describe, expect, it } from 'vitest';
import { formatAllConfig, parseAllConfig } from '../../src/core/checkpoint/import/all-config';
import { NpyFile, npyHeader, type NpyType } from '../../src/core/data/npy';
import { augmentedName, parseAugmentedName } from '../../src/shared/arc-augment';
import { cropGrid, decodeCanvas, encodeCanvas } from '../../src/shared/arc-canvas';
import { inverseColours, inverseDihedral, recolourGrid, transformGrid, type Dihedral, type FlatGrid } from '../../src/shared/arc-grid'; // prettier-ignore
import { defaultConfig } from '../../src/shared/config';
import { parseConfig } from '../../src/shared/config-fields';
import { hydraText, shellWord } from '../../src/shared/hydra/quote';
import { shellCommands } from '../../src/shared/hydra/shell';
import { parseHydraValue, type HydraValue } from '../../src/shared/hydra/value';

const grids = fc
  .tuple(fc.integer({ min: 1, max: 30 }), fc.integer({ min: 1, max: 30 }))
  .chain(([rows, columns]) =>
    fc
      .uint8Array({ minLength: rows * columns, maxLength: rows * columns, max: 9 })
      .map((cells): FlatGrid => ({ rows, columns, cells })),
  );
const colours = fc.shuffledSubarray([1, 2, 3, 4, 5, 6, 7, 8, 9], { minLength: 9 }).map((rest) => Uint8Array.from([0, ...rest])); // prettier-ignore
const turns = fc.integer({ min: 0, max: 7 }).map((t) => t as Dihedral);

describe('augmentations', () => {
  it('are undone by their inverses, in either order', () => {
    fc.assert(
      fc.property(grids, turns, colours, (grid, t, images) => {
        const there = recolourGrid(transformGrid(grid, t), images);
        const back = inverseColours(images);
        expect(transformGrid(recolourGrid(there, back), inverseDihedral(t))).toEqual(grid);
        expect(recolourGrid(transformGrid(there, inverseDihedral(t)), back)).toEqual(grid);
      }),
    );
  });

  it('are what their names say', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[\w .-]+$/), turns, colours, (name, t, images) => {
        const augmentation = { t, images };
        expect(parseAugmentedName(augmentedName(name, augmentation))).toEqual({ name, augmentation });
      }),
    );
  });
});

it('a grid that is painted on a canvas is read back from it, with its place', () => {
  fc.assert(
    fc.property(grids, fc.nat(29), fc.nat(29), (grid, down, right) => {
      const [row, column] = [Math.min(down, 30 - grid.rows), Math.min(right, 30 - grid.columns)];
      expect(decodeCanvas(encodeCanvas(grid, 30, row, column), 30)).toEqual({ grid, row, column });
      expect(cropGrid(encodeCanvas(grid, 30), 30)).toEqual(grid);
    }),
  );
});

describe('hydra values', () => {
  const scalar: fc.Arbitrary<HydraValue> = fc.oneof(
    fc.constant(null),
    fc.boolean(),
    fc.integer(),
    fc.double({ noNaN: true, noDefaultInfinity: true }).map((x) => x || 0),
    // No line ends: hydra's own grammar has none inside a value.
    fc.stringMatching(/^[ -~äß漢]*$/),
  );
  const values = fc.oneof(scalar, fc.array(scalar, { maxLength: 4 }), fc.array(fc.array(scalar, { maxLength: 3 }), { maxLength: 3 })); // prettier-ignore

  it('are read as they were printed', () => {
    fc.assert(
      fc.property(values, (value) => {
        expect(parseHydraValue(hydraText(value))).toEqual(value);
      }),
      { numRuns: 500 },
    );
  });

  it('come through a shell unchanged', () => {
    fc.assert(
      fc.property(fc.array(values, { minLength: 1, maxLength: 4 }), (list) => {
        const words = list.map((value, i) => `key${i}=${hydraText(value)}`);
        expect(shellCommands(words.map(shellWord).join(' '))).toEqual([words]);
      }),
      { numRuns: 500 },
    );
  });
});

it('a config comes back from all_config.yaml as it was written', () => {
  const names = fc.stringMatching(/^[ -~]{0,40}$/);
  fc.assert(
    fc.property(
      fc.record({
        run_name: fc.option(names),
        lr: fc.double({ min: 1e-8, max: 1, noNaN: true }),
        epochs: fc.integer({ min: 1, max: 1_000_000 }),
        seed: fc.nat(),
        ema: fc.boolean(),
        layers: fc.integer({ min: 1, max: 8 }),
      }),
      ({ layers, ...more }) => {
        const base = defaultConfig();
        const config = parseConfig({ ...base, ...more, eval_interval: null, arch: { ...base.arch, L_layers: layers } });
        const read = parseAllConfig(formatAllConfig(config)).config;
        expect({ ...read, studio: config.studio }).toEqual(config);
      },
    ),
    { numRuns: 200 },
  );
});

describe('npy files', () => {
  const folder = mkdtempSync(join(tmpdir(), 'trm-npy-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('have headers of whole 64 bytes that numpy pads in the same way', () => {
    fc.assert(
      fc.property(fc.constantFrom<NpyType>('|u1', '<i4', '<i8'), fc.array(fc.nat(1e9), { minLength: 1, maxLength: 3 }), (type, shape) => {
        const header = npyHeader(type, shape);
        expect(header.length % 64).toBe(0);
        expect(header.readUInt16LE(8)).toBe(header.length - 10);
        expect(header.at(-1)).toBe(0x0a);
      }),
    ); // prettier-ignore
  });

  it('give back each row', () => {
    const path = join(folder, 'x.npy');
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 20 }), fc.infiniteStream(fc.nat(255)), (rows, width, stream) => {
        const data = Uint8Array.from(stream.take(rows * width));
        writeFileSync(path, Buffer.concat([npyHeader('|u1', [rows, width]), data]));
        const file = NpyFile.open(path);
        try {
          expect(file.shape).toEqual([rows, width]);
          const row = new Uint8Array(width);
          for (let r = rows - 1; r >= 0; r--) {
            file.readRows(r, 1, row);
            expect(row).toEqual(data.subarray(r * width, (r + 1) * width));
          }
        } finally {
          file.close();
        }
      }),
    ); // prettier-ignore
  });
});
