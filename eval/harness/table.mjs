const percent = (share) => `${(share * 100).toFixed(2)} %`;
const both = ({ median, worst }, show = String) => `${show(median)} / ${show(worst)}`;
const duration = (seconds) => (seconds < 90 ? `${Math.round(seconds)} s` : `${(seconds / 60).toFixed(1)} min`);

const table = (head, rows) =>
  [head, head.map((_, at) => (at === 0 ? '---' : '--:')), ...rows]
    .map((cells) => `| ${cells.join(' | ')} |`)
    .join('\n');

const attacked = ({ tried, blocked, held }) => `${blocked + held} of ${tried}${held > 0 ? ` (${held} held)` : ''}`;

/** The tables of docs/learning.md: `results` as `evaluate` gives them, with the workload's name and title. */
export const resultTable = (results) =>
  table(
    [
      'workload',
      'runs',
      'events a run',
      'blocked, median / worst',
      'findings',
      'to decide',
      'attacks stopped',
      'collapse: blocked',
      'findings',
      'attacks stopped',
    ],
    results.map(({ name, runs, events, generated, collapsed }) => [
      name,
      runs,
      events,
      both(generated.share, percent),
      both(generated.findings),
      both(generated.listed),
      attacked(generated.attacks),
      both(collapsed.share, percent),
      both(collapsed.findings),
      attacked(collapsed.attacks),
    ]),
  );

/** New things by run, and how long each was recorded. */
export const freshTable = (results) => {
  const count = Math.max(...results.map(({ runs }) => runs));
  return table(
    ['new things in run', ...Array.from({ length: count }, (_, at) => at + 1)],
    results.map(({ name, fresh, seconds }) => [
      name,
      ...Array.from({ length: count }, (_, at) =>
        fresh[at] === undefined ? '' : `${fresh[at]} (${duration(seconds[at])})`,
      ),
    ]),
  );
};

export const curveTable = (results) => {
  const counts = [...new Set(results.flatMap(({ curve }) => curve.map(({ runs }) => runs)))].sort((a, b) => a - b);
  const cell = (point) =>
    point === undefined
      ? ''
      : `${percent(point.generated.share.median)}, ${point.generated.findings.median}; ${percent(point.collapsed.share.median)}, ${point.collapsed.findings.median} (${duration(point.seconds)})`;
  return table(
    ['learned from', ...counts.map((count) => `${count} ${count === 1 ? 'run' : 'runs'}`)],
    results.map(({ name, curve }) => [name, ...counts.map((count) => cell(curve.find(({ runs }) => runs === count)))]),
  );
};
