import { SCREENS } from '@shared/screens';
import { computed, onScopeDispose, shallowReactive, toValue, type MaybeRefOrGetter } from 'vue';

/** One line of the command palette. */
export interface Command {
  id: string;
  title: string;
  /** Heading it stands under: "Go to", "Run", "Task". */
  group: string;
  hint?: string;
  /** More words by which it is found. */
  keywords?: string;
  run: () => void;
}

/** One line of the shortcuts dialog. */
export interface Shortcut {
  keys: readonly string[];
  text: string;
}

const sources = shallowReactive(new Set<MaybeRefOrGetter<readonly Command[]>>());

/** Adds commands to the palette for as long as the calling component lives. */
export function useCommands(commands: MaybeRefOrGetter<readonly Command[]>): void {
  sources.add(commands);
  onScopeDispose(() => sources.delete(commands));
}

export const allCommands = computed(() => [...sources].flatMap((source) => [...toValue(source)]));

/** What the `?` dialog lists, by screen. */
export const SHORTCUTS: readonly { group: string; items: readonly Shortcut[] }[] = [
  {
    group: 'Everywhere',
    items: [
      { keys: ['Ctrl', 'K'], text: 'Command palette' },
      { keys: ['1', '…', String(SCREENS.length)], text: SCREENS.map(({ title }) => title).join(', ') },
      { keys: ['?'], text: 'This list' },
      { keys: ['Esc'], text: 'Close what floats' },
    ],
  },
  {
    group: 'Drawing a task',
    items: [
      { keys: ['0', '…', '9'], text: 'Colour' },
      { keys: ['P', 'F', 'L', 'R', 'I'], text: 'Paint, fill, line, rectangle, take a colour' },
      { keys: ['Space'], text: 'Use the tool at the cursor, which the arrows move' },
      { keys: ['Ctrl', 'Z'], text: 'Undo; with Shift redo' },
      { keys: ['Ctrl', 'S'], text: 'Save' },
    ],
  },
  {
    group: 'Charts',
    items: [
      { keys: ['←', '→'], text: 'Move the reading along the curve' },
      { keys: ['+', '−'], text: 'Zoom in and out around the reading' },
      { keys: ['0'], text: 'Show everything again' },
    ],
  },
  {
    group: 'Playback',
    items: [
      { keys: ['Space'], text: 'Play or hold' },
      { keys: ['←', '→'], text: 'One ACT step back or on' },
      { keys: ['Home', 'End'], text: 'First or last step' },
    ],
  },
];

/** True while keys belong to a control that takes text. */
export function isTyping(target: EventTarget | null): boolean {
  const element = target as HTMLElement | null;
  return Boolean(element?.closest?.('input, textarea, select, [contenteditable="true"]'));
}
