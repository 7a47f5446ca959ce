import type { ComputeState } from '@shared/contract/app';
import { defineStore } from 'pinia';
import { shallowRef } from 'vue';
import { useClient } from '../client';

/** The compute process: what it runs on, and whether it is there. */
export const useCompute = defineStore('compute', () => {
  const state = shallowRef<ComputeState>({ backend: null, error: null, memory_bytes: null, running: null });

  async function load(): Promise<void> {
    state.value = await useClient().call('app.compute', {});
  }

  function listen(): void {
    useClient().on('compute.changed', (next) => (state.value = next));
  }

  return { state, load, listen };
});
