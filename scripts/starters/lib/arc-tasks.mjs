/** @typedef {import('../../solve/arc.mjs').Packed} Packed */

/** @param {string} grid as packed: "012/345" */
const side = (grid) => Math.max(grid.split('/').length, grid.indexOf('/') < 0 ? grid.length : grid.indexOf('/'));

/** Input and output of each pair, whichever part of the task it is in. @param {Packed} task */
const pairs = ({ train, test }) => [...train, ...test].map((pair) => pair.join('>'));

/**
 * Those of `tasks` that fit and share neither name nor pair with a held-out task, each once: of two with a pair in common
 * the first stays.
 * @param {readonly Packed[]} tasks @param {readonly Packed[]} heldOut @param {number} canvas
 */
export function starterTasks(tasks, heldOut, canvas) {
  const names = new Set(heldOut.map(({ name }) => name));
  const known = new Set(heldOut.flatMap(pairs));
  return tasks.filter((task) => {
    if (names.has(task.name) || pairs(task).some((pair) => known.has(pair))) return false;
    if ([...task.train, ...task.test].flat().some((grid) => side(grid) > canvas)) return false;
    names.add(task.name);
    for (const pair of pairs(task)) known.add(pair);
    return true;
  });
}
