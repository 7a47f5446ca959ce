import { effectScope } from 'vue';
import { describe, expect, it, vi } from 'vitest';
import type { StudioClient } from '@shared/contract';
import { provideClient } from '@renderer/kernel/client';
import { useLiveList } from '@renderer/kernel/useLiveList';

interface Thing {
  id: number;
  created: string;
}
const at = (id: number, created: string): Thing => ({ id, created: `2026-01-01T00:00:0${created}Z` });

/** A studio whose list, events and connection the test drives. */
function fakeStudio(things: Thing[]) {
  const listeners = new Set<(thing: Thing) => void>();
  const connection = new Set<(up: boolean) => void>();
  const studio = {
    fail: false,
    things,
    change: (thing: Thing) => listeners.forEach((hear) => hear(thing)),
    connect: (up: boolean) => connection.forEach((hear) => hear(up)),
    count: () => listeners.size + connection.size,
  };
  const client = {
    transport: 'web',
    call: vi.fn(async () => {
      if (studio.fail) throw new Error('the studio is away');
      return studio.things;
    }),
    on: (_name: string, hear: (thing: Thing) => void) => {
      listeners.add(hear);
      return () => listeners.delete(hear);
    },
    onConnection: (hear: (up: boolean) => void) => {
      connection.add(hear);
      return () => connection.delete(hear);
    },
  } as unknown as StudioClient;
  provideClient(client);
  return { studio, client };
}

function live() {
  const scope = effectScope();
  const list = scope.run(() =>
    useLiveList<number, Thing>({
      id: (thing) => thing.id,
      fetch: (client) => client.call('traces.list', {}) as unknown as Promise<Thing[]>,
      events: (client, byId) => [
        client.on('trace.changed', (thing) => byId.set((thing as unknown as Thing).id, thing as unknown as Thing)),
      ],
    }),
  )!;
  return { scope, ...list };
}
const ids = (things: Thing[]): number[] => things.map(({ id }) => id);

describe('a list that the studio keeps', () => {
  it('is newest first, and of equals the higher number', async () => {
    fakeStudio([at(1, '1'), at(2, '3'), at(9, '1'), at(10, '1')]);
    const { list, loaded } = live();
    await vi.waitFor(() => expect(loaded.value).toBe(true));
    expect(ids(list.value)).toEqual([2, 10, 9, 1]);
  });

  it('takes what events say, and loads again when the connection is back', async () => {
    const { studio, client } = fakeStudio([at(1, '1')]);
    const { list, loaded } = live();
    await vi.waitFor(() => expect(loaded.value).toBe(true));
    studio.change(at(2, '2'));
    expect(ids(list.value)).toEqual([2, 1]);
    studio.things = [at(3, '3')];
    studio.connect(false);
    expect(client.call).toHaveBeenCalledTimes(1);
    studio.connect(true);
    await vi.waitFor(() => expect(ids(list.value)).toEqual([3]));
  });

  it('keeps what it has when loading again fails, and says why', async () => {
    const { studio } = fakeStudio([at(1, '1')]);
    const { list, loaded, error } = live();
    await vi.waitFor(() => expect(loaded.value).toBe(true));
    studio.fail = true;
    studio.connect(true);
    await vi.waitFor(() => expect(error.value).toBeInstanceOf(Error));
    expect(ids(list.value)).toEqual([1]);
  });

  it('listens no longer than its scope lives', () => {
    const { studio } = fakeStudio([]);
    const { scope } = live();
    expect(studio.count()).toBe(2);
    scope.stop();
    expect(studio.count()).toBe(0);
  });
});
