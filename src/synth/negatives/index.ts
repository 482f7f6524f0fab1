/** Hard negatives: what the committee's members find for a query and what is not relevant. */
export { NEGATIVE_DEFAULTS, type NegativeSettings } from './choose-negatives.js';
export { mineNegatives, type NegativesOptions, type NegativesRecord, type NegativesReport } from './mine-negatives.js';
