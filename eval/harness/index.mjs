/** The one door of the harness: record workloads, hold a run out, say what a policy of the others would have done. */
export { summary } from './arithmetic.mjs';
export { evaluate, RULES } from './evaluate.mjs';
export { curveTable, freshTable, resultTable } from './table.mjs';
