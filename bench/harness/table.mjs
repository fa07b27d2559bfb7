import { isResolved } from './stats.mjs';

/**
 * A row as people read it: what was run, one line per thing compared, columns of ratios.
 *
 * @param {{name: string, workload: string, lines: object[], facts?: string[]}} row
 */
export function rowText(row) {
  const columns = [...new Set(row.lines.flatMap(({ measures }) => measures.map(({ name }) => name)))];
  const cells = [
    ['', ...columns],
    ...row.lines.map(({ label, measures }) => [
      label,
      ...columns.map((name) => cellText(measures.find((measure) => measure.name === name))),
    ]),
  ];
  const notes = row.lines.flatMap(({ label, note, lost }) => [
    ...(note ? [`  ${label}: ${note}`] : []),
    ...(lost ? [`  ${label}: ${lost} events were lost, so its cost is not the cost of the whole work`] : []),
  ]);
  const facts = (row.facts ?? []).map((fact) => `  ${fact}`);
  const failures = (row.failures ?? []).map((failure) => `  FAILED: ${failure}`);
  return [`${row.name}: ${row.workload}`, tableText(cells), ...notes, ...facts, ...failures].join('\n');
}

function cellText(measure) {
  if (!measure) return '';
  const text = measure.kind === 'share' ? shareText(measure) : ratioText(measure);
  if (measure.bound === undefined) return text;
  const bound = measure.kind === 'share' ? `${measure.bound * 100} %` : `${measure.bound}x`;
  return `${text} [${isWithin(measure) ? 'within' : 'OVER'} ${bound}]`;
}

/** Whether a bounded measure holds its bound; what has none always does. */
export function isWithin(measure) {
  return measure.bound === undefined || measure.median <= measure.bound;
}

/** `1.034x (1.021–1.047, spread 0.008)`, or that the machine cannot tell. */
function ratioText({ median, low, high, mad, pairs }) {
  const text = `${factor(median)}x (${factor(low)}–${factor(high)}, spread ${factor(mad)}, ${pairs} pairs)`;
  return isResolved({ low, high }) ? text : `${text}, below this machine's noise`;
}

/** `4.1 % (3.9–4.4, spread 0.2)` */
function shareText({ median, low, high, mad, pairs }) {
  const percent = (value) => (value * 100).toFixed(2);
  return `${percent(median)} % (${percent(low)}–${percent(high)}, spread ${percent(mad)}, ${pairs} pairs)`;
}

function factor(value) {
  return value >= 10 ? value.toFixed(1) : value.toFixed(3);
}

function tableText(cells) {
  const widths = cells[0].map((_, column) => Math.max(...cells.map((row) => row[column].length)));
  return cells
    .map((row) => `  ${row.map((cell, column) => cell.padEnd(widths[column])).join('  ')}`.trimEnd())
    .join('\n');
}
