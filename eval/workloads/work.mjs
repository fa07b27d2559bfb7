// What every run draws for itself.

const WORDS = [
  'retry',
  'cache',
  'parser',
  'limits',
  'locale',
  'totals',
  'queue',
  'header',
  'ledger',
  'quota',
  'tokens',
  'export',
];
const KINDS = ['fix', 'add', 'drop', 'rework', 'speed', 'guard', 'split', 'check'];

export const pick = (items, random) => items[Math.floor(random() * items.length)];

/** A name that a person would give: `fix-retry-27`. */
export const wordOf = (random) => `${pick(KINDS, random)}-${pick(WORDS, random)}-${Math.floor(random() * 90) + 10}`;

/** `count` different ones, in their order. */
export function sampleOf(items, count, random) {
  const left = items.map((item, at) => ({ item, at, rank: random() })).sort((a, b) => a.rank - b.rank);
  return left
    .slice(0, count)
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item);
}

/** A shell command that changes a file, in one of the ways in which programs do: in place, or beside it and renamed. */
export const editScript = (file, random) => {
  const line = Math.floor(random() * 1e6);
  return pick(
    [
      `echo '// ${line}' >> ${file}`,
      `sed -i '$a // ${line}' ${file}`,
      `cp ${file} ${file}.new && echo '// ${line}' >> ${file}.new && mv ${file}.new ${file}`,
    ],
    random,
  );
};
