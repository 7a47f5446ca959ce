import { shallowRef } from 'vue';

/** An all_config.yaml that was let go over the window: the next new run starts from it. */
export const droppedConfig = shallowRef<File | null>(null);

/** Takes a drop that is one YAML file. @returns whether it was one */
export function takeConfig(data: DataTransfer): boolean {
  const [file] = data.files;
  if (data.files.length !== 1 || !/\.ya?ml$/i.test(file.name)) return false;
  droppedConfig.value = file;
  return true;
}
