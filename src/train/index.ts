/**
 * Joint training: losses, adapter, optimiser, the step. This room knows nothing of files other than its own, and not
 * where thoughts come from.
 */
export { type AdamWSettings, type AdamWState, adamWState, adamWStep } from './adamw.js';
export { clipGlobalNorm, globalNorm } from './clip.js';
export { type Recipe, readRecipe, recipeSchema, type Stage } from './config.js';
export type { CommitteeScores, DocumentExample, JointBatch, QueryExample } from './joint-batch.js';
export { cachedJointStep, directJointStep, type JointStepOptions, jointStep } from './joint-step.js';
export {
  DEFAULT_ALPHA,
  DEFAULT_RANK,
  initialParameters,
  type LoraSettings,
  loraShapes,
  TOKEN_ROWS,
} from './lora.js';
export { type DistillationOptions, distillation } from './losses/distillation.js';
export { type ContrastiveLoss, type InfoNceOptions, infoNce } from './losses/info-nce.js';
export {
  contrastiveParts,
  type DistillationSettings,
  type JointLoss,
  type JointLossSettings,
  jointLoss,
} from './losses/joint-loss.js';
export { type CrossEntropy, ThoughtCrossEntropy } from './losses/thought-cross-entropy.js';
export { type MetricsRecord, readMetrics } from './metrics-log.js';
export { ParameterSet, type ParameterShape } from './parameters.js';
export { type BaseModel, loadTrained } from './save-adapter.js';
export { learningRateAt, type Schedule } from './schedule.js';
export { type TrainOptions, train } from './train.js';
export type { TrainEvent } from './train-event.js';
export type { TrainReport } from './train-finish.js';
export { TrainingModel, type TrainingModelOptions } from './training-model.js';
