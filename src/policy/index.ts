// The policy language: load it strictly, decide by it, replay recordings under it.

export {
  type ClosingRule,
  type Compiled,
  CompileError,
  compilePolicy,
  type FileId,
  type Mount,
  parseMounts,
  type SelfProtection,
  type Table,
} from './compile/index.js';
export { type Aliases, MachineLinks } from './engine/aliases.js';
export { type Asked, asksOf } from './engine/asks.js';
export {
  type Clause,
  type ClauseObject,
  type Clauses,
  clausesOf,
  compareRank,
  type Programs,
} from './engine/clause.js';
export {
  Engine,
  type EngineOptions,
  type Explanation,
  isStricter,
  type Subject,
  type Verdict,
} from './engine/engine.js';
export { operationsIn, PolicyRun } from './engine/run.js';
export { Subjects } from './engine/subjects.js';
export { located, PolicyError } from './language/error.js';
export { loadPolicy, MAX_POLICY_BYTES, parsePolicy } from './language/load.js';
export { ALL_BITS, ASKS, type Ask, OPERATIONS, type OperationClass } from './language/operations.js';
export { quote } from './language/quote.js';
export { MATCH_KEYS, POLICY_SCHEMA, RULE_KEYS, schemaText, TOP_KEYS } from './language/schema.js';
export { didYouMean } from './language/suggest.js';
export { type Enforcement, enforcementOf } from './language/tiers.js';
export type {
  Match,
  Mode,
  Policy,
  PolicyClass,
  PolicyDocument,
  Position,
  Problem,
  Rule,
  RuleAction,
  Sink,
} from './language/types.js';
export { type Block, blockText, coversBlock, inBlock, parseAddress } from './pattern/address.js';
export { parseDomain } from './pattern/domain.js';
export { LinkError } from './pattern/links.js';
export { EVERY_HOME, literalPattern, type PathPattern, PatternError, parsePath, pathsMeet } from './pattern/path.js';
export { type Finding, objectOf, type Place } from './replay/findings.js';
export { readEvents } from './replay/read.js';
export { checkRecording, type Trust } from './replay/recording.js';
export { failedBefore, type RecordingSummary, type ReplayOptions, type ReplayResult, replay } from './replay/replay.js';
export { countsOf, describeFinding, outcomeOf, toJson, toJunit, toSarif, whyOf } from './replay/reports.js';
export { type Suggestion, suggest } from './replay/suggest.js';
export { pathKit } from './template/kit.js';
export { type FitOptions, type Fitted, fitTemplate, type Template, templates } from './template/template.js';
