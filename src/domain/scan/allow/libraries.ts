/** Estimators and layers of other libraries by exact name: classes in the sources of xgboost 2.1.1, lightgbm 4.5.0, imbalanced-learn 0.14.2, catboost 1.2.10, gensim 4.4.0, hmmlearn 0.3.3, nltk 3.10.4, ultralytics 8.4.190. */
export const LIBRARIES: Readonly<Record<string, string>> = {
  'imblearn.base': 'BaseSampler FunctionSampler',
  'imblearn.combine._smote_enn': 'SMOTEENN',
  'imblearn.combine._smote_tomek': 'SMOTETomek',
  'imblearn.ensemble._bagging': 'BalancedBaggingClassifier',
  'imblearn.ensemble._easy_ensemble': 'EasyEnsembleClassifier',
  'imblearn.ensemble._forest': 'BalancedRandomForestClassifier',
  'imblearn.ensemble._weight_boosting': 'RUSBoostClassifier',
  'imblearn.metrics.pairwise': 'ValueDifferenceMetric',
  'imblearn.model_selection._split': 'InstanceHardnessCV',
  'imblearn.over_sampling._adasyn': 'ADASYN',
  'imblearn.over_sampling._random_over_sampler': 'RandomOverSampler',
  'imblearn.over_sampling._smote.base': 'BaseSMOTE SMOTE SMOTEN SMOTENC',
  'imblearn.over_sampling._smote.cluster': 'KMeansSMOTE',
  'imblearn.over_sampling._smote.filter': 'BorderlineSMOTE SVMSMOTE',
  'imblearn.over_sampling.base': 'BaseOverSampler',
  'imblearn.pipeline': 'Pipeline',
  'imblearn.under_sampling._prototype_generation._cluster_centroids': 'ClusterCentroids',
  'imblearn.under_sampling._prototype_selection._condensed_nearest_neighbour': 'CondensedNearestNeighbour',
  'imblearn.under_sampling._prototype_selection._edited_nearest_neighbours':
    'AllKNN EditedNearestNeighbours RepeatedEditedNearestNeighbours',
  'imblearn.under_sampling._prototype_selection._instance_hardness_threshold': 'InstanceHardnessThreshold',
  'imblearn.under_sampling._prototype_selection._nearmiss': 'NearMiss',
  'imblearn.under_sampling._prototype_selection._neighbourhood_cleaning_rule': 'NeighbourhoodCleaningRule',
  'imblearn.under_sampling._prototype_selection._one_sided_selection': 'OneSidedSelection',
  'imblearn.under_sampling._prototype_selection._random_under_sampler': 'RandomUnderSampler',
  'imblearn.under_sampling._prototype_selection._tomek_links': 'TomekLinks',
  'imblearn.under_sampling.base': 'BaseCleaningSampler BaseUnderSampler',
  'catboost.core': 'CatBoost CatBoostClassifier CatBoostRegressor CatBoostRanker Pool',
  'hmmlearn.base': 'ConvergenceMonitor',
  'hmmlearn.hmm': 'CategoricalHMM GaussianHMM GMMHMM MultinomialHMM PoissonHMM',
  'lightgbm.basic': 'Booster',
  'lightgbm.callback':
    'CallbackEnv EarlyStopException _EarlyStoppingCallback _LogEvaluationCallback _RecordEvaluationCallback _ResetParameterCallback',
  'lightgbm.sklearn':
    'LGBMClassifier LGBMModel LGBMRanker LGBMRegressor _EvalFunctionWrapper _ObjectiveFunctionWrapper',
  'nltk.classify.naivebayes': 'NaiveBayesClassifier',
  'nltk.lm.counter': 'NgramCounter',
  'nltk.lm.models':
    'AbsoluteDiscountingInterpolated InterpolatedLanguageModel KneserNeyInterpolated Laplace Lidstone MLE StupidBackoff WittenBellInterpolated',
  'nltk.lm.vocabulary': 'Vocabulary',
  'nltk.tag.perceptron': 'AveragedPerceptron PerceptronTagger',
  'nltk.tag.sequential':
    'AffixTagger BigramTagger ContextTagger DefaultTagger NgramTagger RegexpTagger SequentialBackoffTagger TrigramTagger UnigramTagger',
  'nltk.tokenize.punkt': 'PunktLanguageVars PunktParameters PunktSentenceTokenizer PunktToken',
  'ultralytics.nn.modules.activation': 'AGLU',
  'ultralytics.nn.modules.block':
    'A2C2f AAttn ABlock AConv ADown Attention BNContrastiveHead Bottleneck BottleneckCSP C1 C2 C2PSA C2f C2fAttn C2fCIB C2fPSA C3 C3Ghost C3TR C3f C3k C3k2 C3x CBFuse CBLinear CIB ContrastiveHead DFL ELAN1 GhostBottleneck HGBlock HGStem ImagePoolingAttn MaxSigmoidAttnBlock PSA PSABlock Proto Proto26 RealNVP RepBottleneck RepC3 RepCSP RepNCSPELAN4 RepVGGDW ResNetBlock ResNetLayer Residual SAVPE SCDown SPP SPPELAN SPPF SwiGLUFFN TorchVision',
  'ultralytics.nn.modules.conv':
    'CBAM ChannelAttention Concat Conv Conv2 ConvTranspose DWConv DWConvTranspose2d Focus GhostConv Index LightConv RepConv SpatialAttention',
  'ultralytics.nn.modules.head':
    'Classify Depth Detect LRPCHead OBB OBB26 Pose Pose26 RTDETRDecoder Segment Segment26 SemanticSegment WorldDetect YOLOEDetect YOLOESegment YOLOESegment26',
  'ultralytics.nn.modules.transformer':
    'AIFI DeformableTransformerDecoder DeformableTransformerDecoderLayer LayerNorm2d MLP MLPBlock MSDeformAttn TransformerBlock TransformerEncoderLayer TransformerLayer',
  'ultralytics.nn.tasks': 'BaseModel ClassificationModel DetectionModel OBBModel PoseModel SegmentationModel',
  'ultralytics.utils': 'IterableSimpleNamespace',
  'ultralytics.utils.loss':
    'v8DetectionLoss v8SegmentationLoss v8PoseLoss v8ClassificationLoss v8OBBLoss BCEDiceLoss BboxLoss DFLoss DepthLoss26 E2EDetectLoss E2ELoss FocalLoss KeypointLoss MultiChannelDiceLoss PoseLoss26 RLELoss RotatedBboxLoss SegmentLoss26 SemanticSegmentationLoss TVPDetectLoss TVPSegmentLoss VarifocalLoss',
  'ultralytics.utils.tal':
    'PoseTaskAlignedAssigner RotatedTaskAlignedAssigner SegTaskAlignedAssigner TaskAlignedAssigner',
  'xgboost.callback':
    'CallbackContainer EarlyStopping EvaluationMonitor LearningRateScheduler TrainingCallback TrainingCheckPoint',
  'xgboost.compat': 'LazyLoader',
  'xgboost.core': 'Booster',
  'xgboost.sklearn':
    'XGBClassifier XGBModel XGBRFClassifier XGBRFRegressor XGBRanker XGBRankerMixIn XGBRegressor _SklObjWProto',
};
