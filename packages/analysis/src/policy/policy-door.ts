/** What of policies others use; `src/index.ts` has all of it. */
export { importNftables, type NftImportOptions, type PolicyImport, THIS_HOST } from './nft-import.ts';
export {
  type ChangeLine,
  comparePolicies,
  type PolicyChange,
  rowsOfChange,
  type Stand,
  withRule,
} from './policy-change.ts';
export {
  type CheckedPolicy,
  checkPolicy,
  formatPolicyProblem,
  parsePolicyText,
  policyOf,
} from './policy-check.ts';
export { importPolicyCsv } from './policy-csv.ts';
export type {
  PolicyAction,
  PolicyDocument,
  PolicyGroup,
  PolicyProblem,
  PolicyRule,
  PolicyService,
} from './policy-document.ts';
export { type CellFilter, filterOfClasses, filterOfEnds, filterOfPair } from './policy-filter.ts';
export {
  type CellChoice,
  createPolicyMatrix,
  DEFAULT_RULE,
  type ExpectedLine,
  type FirewallLine,
  type MatrixCell,
  OUTSIDE,
  type OutcomeSums,
  type PolicyMatrix,
  type RuleLine,
  rowsOfChoice,
  type ServiceLine,
  shadowedRules,
} from './policy-matrix.ts';
export { formatServiceMember } from './policy-member.ts';
export { createPolicySpace, type PolicySpace, type ReadList } from './policy-space.ts';
export {
  type ClassKey,
  classesSql,
  DIRECTION_BASES,
  type DirectionBasis,
  droppedSourcesSql,
  pairsSql,
  rangeSql,
  UNSURE_BASES,
} from './policy-sql.ts';
export {
  addSums,
  basesOf,
  type ClassRow,
  mergeRows,
  NOTHING_SEEN,
  OUTCOMES,
  type Outcome,
  readClassRow,
  type SeenSums,
  sumsOf,
} from './policy-verdict.ts';
