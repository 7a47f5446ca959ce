/** What a run's screen says of itself from its first second to after its end. */
import { flushPromises, mount } from '@vue/test-utils';
import { createPinia, setActivePinia } from 'pinia';
import { beforeEach, describe, expect, it } from 'vitest';
import { effectScope } from 'vue';
import type { CheckpointInfo, RunDetail, RunEvent } from '@shared/contract/runs';
import { RunMetrics } from '@renderer/charts/series';
import { provideClient } from '@renderer/kernel/client';
import { useRuns } from '@renderer/kernel/stores/runs';
import MachineCard from '@renderer/runs/MachineCard.vue';
import { eventsWithSaves, useRun, type LiveRun } from '@renderer/runs/run-detail';
import { createFixtureClient, fixtureRun, type FixtureClient } from './fixtures/client';

let client: FixtureClient;
function prepare(runs: RunDetail[]): void {
  client = createFixtureClient({ runs });
  provideClient(client);
  useRuns().listen();
}
beforeEach(() => setActivePinia(createPinia()));

describe('a run that starts while it is looked at', () => {
  it('has its parameters and its machine as soon as they are known', async () => {
    const unknown = { parameters: null, backend: null, total_steps: 0, step: 0 };
    prepare([fixtureRun({ status: 'queued', ...unknown })]);
    await useRuns().load();
    const scope = effectScope();
    const live = scope.run(() => useRun('r1')) as LiveRun;
    await flushPromises();
    // It runs first, and knows its model later: its status does not change between.
    const become = async (change: Partial<RunDetail>): Promise<void> => {
      client.runs = [fixtureRun(change)];
      client.emit('run.changed', client.runs[0]);
      await flushPromises();
    };
    await become({ status: 'running', ...unknown });
    // The event is a summary, without these two.
    client.runs = [fixtureRun({ status: 'running', step: 0 })];
    const { parameters: _p, backend: _b, ...summary } = client.runs[0];
    client.emit('run.changed', summary);
    await flushPromises();
    expect(live.detail.value).toMatchObject({
      parameters: 1_576_450,
      backend: { device: expect.any(String) as string },
    });
    const asked = client.calls.filter(({ method }) => method === 'runs.get').length;
    client.emit('run.changed', { ...summary, step: 9 });
    await flushPromises();
    expect(client.calls.filter(({ method }) => method === 'runs.get')).toHaveLength(asked);
    scope.stop();
  });
});

describe('the machine card', () => {
  const show = (run: RunDetail, speed: number | null): string => {
    const metrics = new RunMetrics();
    if (speed !== null) metrics.append({ steps: [1], seconds: [1], values: { samples_per_s: [speed] } });
    return mount(MachineCard, { props: { run, metrics, version: 0, saved: null } })
      .text()
      .replace(/\s+/g, ' ');
  };
  it('keeps the speed of a run that is over', () => {
    expect(show(fixtureRun(), 787)).toMatch(/(?<!Last )Speed ?787 samples\/s/);
    expect(show(fixtureRun({ status: 'done' }), 787)).toMatch(/Last speed ?787 samples\/s/);
    expect(show(fixtureRun({ status: 'stopped', parameters: null }), null)).toMatch(
      /Last speed ?not measured.*Parameters ?not known/,
    );
    expect(show(fixtureRun({ parameters: null }), null)).toMatch(/Speed ?not yet.*Parameters ?not yet/);
  });
});

describe('events', () => {
  it('begin with the creation and name every checkpoint that is there, newest first', () => {
    const run = fixtureRun({ created: '2026-11-30T10:00:00.000Z' });
    const saved = (id: number, minute: string, exact_accuracy: number | null): CheckpointInfo =>
      ({ id, step: id * 100, created: `2026-11-30T10:${minute}:00.000Z`, exact_accuracy }) as CheckpointInfo;
    const warning: RunEvent = {
      id: 7,
      run: 'r1',
      time: '2026-11-30T10:07:00.000Z',
      level: 'warning',
      step: 150,
      message: 'Slow.',
    };
    const list = eventsWithSaves([warning], [saved(2, '10', 0.385), saved(1, '05', null)], run);
    expect(list.map(({ step, message }) => [step, message])).toEqual([
      [200, 'Saved, exact accuracy 38.5 %.'],
      [150, 'Slow.'],
      [100, 'Saved.'],
      [null, 'Created from arc-small.'],
    ]);
    expect(new Set(list.map(({ id }) => id)).size).toBe(4);
  });
});
