/**
 * The built-in stages.
 *
 * @module
 */

import type { AnyStage } from "../plugin.ts";
import block from "./gradients/block.ts";
import blockShared from "./gradients/block_shared.ts";
import mutual from "./gradients/mutual.ts";
import none from "./gradients/none.ts";
import ramp from "./gradients/ramp.ts";
import scaleGradient from "./gradients/scale.ts";
import attentionTransfer from "./losses/attention_transfer.ts";
import binaryCrossEntropy from "./losses/binary_cross_entropy.ts";
import crossEntropy from "./losses/cross_entropy.ts";
import decoupledKd from "./losses/decoupled_kd.ts";
import dist from "./losses/dist.ts";
import fitnet from "./losses/fitnet.ts";
import hiddenSimilarity from "./losses/hidden_similarity.ts";
import kl from "./losses/kl.ts";
import knowledgeDistillation from "./losses/knowledge_distillation.ts";
import logitStandardization from "./losses/logit_standardization.ts";
import meanSquaredError from "./losses/mean_squared_error.ts";
import mseHint from "./losses/mse_hint.ts";
import mseProbability from "./losses/mse_probability.ts";
import relationalKd from "./losses/relational_kd.ts";
import similarityPreserving from "./losses/similarity_preserving.ts";
import softLabel from "./losses/soft_label.ts";
import accuracy from "./metrics/accuracy.ts";
import agreement from "./metrics/agreement.ts";
import auc from "./metrics/auc.ts";
import calibration from "./metrics/calibration.ts";
import gauc from "./metrics/gauc.ts";
import logLoss from "./metrics/log_loss.ts";
import loss from "./metrics/loss.ts";
import meanAbsoluteError from "./metrics/mean_absolute_error.ts";
import recallAtK from "./metrics/recall_at_k.ts";
import topK from "./metrics/top_k.ts";
import ctr from "./networks/ctr.ts";
import mlp from "./networks/mlp.ts";
import wideResnet from "./networks/wide_resnet.ts";
import adagrad from "./optimizers/adagrad.ts";
import adam from "./optimizers/adam.ts";
import adamw from "./optimizers/adamw.ts";
import sgd from "./optimizers/sgd.ts";
import checkpoint from "./outputs/checkpoint.ts";
import metrics from "./outputs/metrics.ts";
import progress from "./outputs/progress.ts";
import result from "./outputs/result.ts";
import constant from "./schedules/constant.ts";
import cosine from "./schedules/cosine.ts";
import steps from "./schedules/steps.ts";
import warmUp from "./schedules/warm_up.ts";
import arrow from "./sources/arrow.ts";
import csv from "./sources/csv.ts";
import parquet from "./sources/parquet.ts";
import sql from "./sources/sql.ts";
import cast from "./transforms/cast.ts";
import crop from "./transforms/crop.ts";
import horizontalFlip from "./transforms/horizontal_flip.ts";
import log from "./transforms/log.ts";
import normalize from "./transforms/normalize.ts";
import oneHot from "./transforms/one_hot.ts";
import pad from "./transforms/pad.ts";
import randomCrop from "./transforms/random_crop.ts";
import rename from "./transforms/rename.ts";
import reshape from "./transforms/reshape.ts";
import resize from "./transforms/resize.ts";
import scale from "./transforms/scale.ts";
import select from "./transforms/select.ts";

/** All built-in stages, by kind and name. */
export const builtins: readonly AnyStage[] = [
  arrow,
  parquet,
  csv,
  sql,
  cast,
  crop,
  horizontalFlip,
  log,
  normalize,
  oneHot,
  pad,
  randomCrop,
  rename,
  reshape,
  resize,
  scale,
  select,
  ctr,
  mlp,
  wideResnet,
  attentionTransfer,
  binaryCrossEntropy,
  crossEntropy,
  decoupledKd,
  dist,
  fitnet,
  hiddenSimilarity,
  kl,
  knowledgeDistillation,
  logitStandardization,
  meanSquaredError,
  mseHint,
  mseProbability,
  relationalKd,
  similarityPreserving,
  softLabel,
  block,
  blockShared,
  mutual,
  none,
  ramp,
  scaleGradient,
  adagrad,
  adam,
  adamw,
  sgd,
  constant,
  cosine,
  steps,
  warmUp,
  accuracy,
  agreement,
  auc,
  calibration,
  gauc,
  logLoss,
  loss,
  meanAbsoluteError,
  recallAtK,
  topK,
  checkpoint,
  metrics,
  progress,
  result,
];
