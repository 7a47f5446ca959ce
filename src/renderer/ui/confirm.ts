import { shallowRef } from 'vue';

export interface Question {
  title: string;
  /** What goes, by name, and whether it can come back. */
  text: string;
  /** The verb on the button: "Delete run". */
  action: string;
  danger?: boolean;
  cancel?: string;
}

export const asked = shallowRef<(Question & { answer: (yes: boolean) => void }) | null>(null);

/** Asks once, in a dialog that names what goes; resolves to whether the person agreed. */
export function confirm(question: Question): Promise<boolean> {
  asked.value?.answer(false);
  return new Promise((resolve) => {
    asked.value = {
      ...question,
      answer: (yes) => {
        asked.value = null;
        resolve(yes);
      },
    };
  });
}
