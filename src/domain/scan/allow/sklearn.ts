/** Estimators and their parts by exact name: classes in the sources of scikit-learn 0.22.2, 0.24.2, 1.0.2, 1.3.2, 1.5.2 and the current release, compiled classes of the last, old module names of 0.22; functions of the modules that only compute (metrics, scores). Loaders, data sets, test helpers are left out. Constructors only store arguments. */
export const SKLEARN: Readonly<Record<string, string>> = {
  'sklearn._loss._loss':
    'CyAbsoluteError CyExponentialLoss CyHalfBinomialLoss CyHalfGammaLoss CyHalfMultinomialLoss CyHalfPoissonLoss CyHalfSquaredError CyHalfTweedieLoss CyHalfTweedieLossIdentity CyHuberLoss CyLossFunction CyPinballLoss __pyx_unpickle_CyHalfMultinomialLoss',
  'sklearn._loss.glm_distribution':
    'ExponentialDispersionModel GammaDistribution InverseGaussianDistribution NormalDistribution PoissonDistribution TweedieDistribution',
  'sklearn._loss.link': 'BaseLink HalfLogitLink IdentityLink Interval LogLink LogitLink MultinomialLogit',
  'sklearn._loss.loss':
    'AbsoluteError BaseLoss ExponentialLoss HalfBinomialLoss HalfBinomialLossArrayAPI HalfGammaLoss HalfMultinomialLoss HalfMultinomialLossArrayAPI HalfPoissonLoss HalfPoissonLossArrayAPI HalfSquaredError HalfTweedieLoss HalfTweedieLossIdentity HuberLoss PinballLoss',
  'sklearn.base': 'BaseEstimator',
  'sklearn.calibration': 'CalibratedClassifierCV _CalibratedClassifier _SigmoidCalibration _TemperatureScaling',
  'sklearn.cluster._affinity_propagation': 'AffinityPropagation',
  'sklearn.cluster._agglomerative': 'AgglomerativeClustering FeatureAgglomeration',
  'sklearn.cluster._bicluster': 'BaseSpectral SpectralBiclustering SpectralCoclustering',
  'sklearn.cluster._birch': 'Birch _CFNode _CFSubcluster',
  'sklearn.cluster._bisect_k_means': 'BisectingKMeans _BisectingTree',
  'sklearn.cluster._dbscan': 'DBSCAN',
  'sklearn.cluster._feature_agglomeration': 'AgglomerationTransform',
  'sklearn.cluster._hdbscan._tree': 'TreeUnionFind __pyx_unpickle_TreeUnionFind',
  'sklearn.cluster._hdbscan.hdbscan': 'HDBSCAN',
  'sklearn.cluster._hierarchical_fast': 'UnionFind WeightedEdge __pyx_unpickle_UnionFind __pyx_unpickle_WeightedEdge',
  'sklearn.cluster._kmeans': 'KMeans MiniBatchKMeans _BaseKMeans _kmeans_single_elkan _kmeans_single_lloyd',
  'sklearn.cluster._mean_shift': 'MeanShift',
  'sklearn.cluster._optics': 'OPTICS',
  'sklearn.cluster._spectral': 'SpectralClustering',
  'sklearn.cluster.k_means_': 'KMeans MiniBatchKMeans _BaseKMeans',
  'sklearn.compose._column_transformer': 'ColumnTransformer _RemainderColsList make_column_selector',
  'sklearn.compose._target': 'TransformedTargetRegressor',
  'sklearn.covariance._elliptic_envelope': 'EllipticEnvelope',
  'sklearn.covariance._empirical_covariance': 'EmpiricalCovariance',
  'sklearn.covariance._graph_lasso': 'BaseGraphicalLasso GraphicalLasso GraphicalLassoCV _DictWithDeprecatedKeys',
  'sklearn.covariance._robust_covariance': 'MinCovDet',
  'sklearn.covariance._shrunk_covariance': 'LedoitWolf OAS ShrunkCovariance',
  'sklearn.cross_decomposition._cca': 'CCA',
  'sklearn.cross_decomposition._pls': 'CCA PLSCanonical PLSRegression PLSSVD _PLS',
  'sklearn.decomposition._base': '_BasePCA',
  'sklearn.decomposition._dict_learning':
    'DictionaryLearning MiniBatchDictionaryLearning SparseCoder _BaseSparseCoding',
  'sklearn.decomposition._factor_analysis': 'FactorAnalysis',
  'sklearn.decomposition._fastica':
    'FastICA _cube _exp _gs_decorrelation _ica_def _ica_par _logcosh _sym_decorrelation fastica',
  'sklearn.decomposition._incremental_pca': 'IncrementalPCA',
  'sklearn.decomposition._kernel_pca': 'KernelPCA',
  'sklearn.decomposition._lda': 'LatentDirichletAllocation',
  'sklearn.decomposition._nmf': 'MiniBatchNMF NMF _BaseNMF',
  'sklearn.decomposition._pca': 'PCA',
  'sklearn.decomposition._sparse_pca': 'MiniBatchSparsePCA SparsePCA _BaseSparsePCA',
  'sklearn.decomposition._truncated_svd': 'TruncatedSVD',
  'sklearn.decomposition.pca': 'PCA',
  'sklearn.decomposition.truncated_svd': 'TruncatedSVD',
  'sklearn.discriminant_analysis': 'LinearDiscriminantAnalysis QuadraticDiscriminantAnalysis',
  'sklearn.dummy': 'DummyClassifier DummyRegressor',
  'sklearn.ensemble._bagging': 'BaggingClassifier BaggingRegressor BaseBagging',
  'sklearn.ensemble._base': 'BaseEnsemble _BaseHeterogeneousEnsemble',
  'sklearn.ensemble._forest':
    'BaseForest ExtraTreesClassifier ExtraTreesRegressor ForestClassifier ForestRegressor RandomForestClassifier RandomForestRegressor RandomTreesEmbedding',
  'sklearn.ensemble._gb':
    'BaseGradientBoosting BinomialDeviance ClassificationLossFunction ExponentialLoss GradientBoostingClassifier GradientBoostingRegressor HuberLossFunction LogOddsEstimator LossFunction MeanEstimator MultinomialDeviance PriorProbabilityEstimator QuantileEstimator QuantileLossFunction RegressionLossFunction ScaledLogOddsEstimator VerboseReporter ZeroEstimator',
  'sklearn.ensemble._gb_losses':
    'BinomialDeviance ClassificationLossFunction ExponentialLoss HuberLossFunction LossFunction MultinomialDeviance QuantileLossFunction RegressionLossFunction',
  'sklearn.ensemble._hist_gradient_boosting.binning': '_BinMapper',
  'sklearn.ensemble._hist_gradient_boosting.common': 'MonotonicConstraint',
  'sklearn.ensemble._hist_gradient_boosting.gradient_boosting':
    'BaseHistGradientBoosting HistGradientBoostingClassifier HistGradientBoostingRegressor',
  'sklearn.ensemble._hist_gradient_boosting.grower': 'TreeGrower TreeNode',
  'sklearn.ensemble._hist_gradient_boosting.histogram': 'HistogramBuilder __pyx_unpickle_HistogramBuilder',
  'sklearn.ensemble._hist_gradient_boosting.loss':
    'BaseLoss BinaryCrossEntropy CategoricalCrossEntropy LeastAbsoluteDeviation LeastSquares Poisson',
  'sklearn.ensemble._hist_gradient_boosting.predictor': 'TreePredictor',
  'sklearn.ensemble._hist_gradient_boosting.splitting': 'SplitInfo Splitter __pyx_unpickle_Splitter',
  'sklearn.ensemble._iforest': 'IsolationForest',
  'sklearn.ensemble._stacking': 'StackingClassifier StackingRegressor _BaseStacking',
  'sklearn.ensemble._voting': 'VotingClassifier VotingRegressor _BaseVoting',
  'sklearn.ensemble._weight_boosting': 'AdaBoostClassifier AdaBoostRegressor BaseWeightBoosting',
  'sklearn.ensemble.bagging': 'BaggingClassifier BaggingRegressor BaseBagging',
  'sklearn.ensemble.forest':
    'BaseForest ExtraTreesClassifier ExtraTreesRegressor ForestClassifier ForestRegressor RandomForestClassifier RandomForestRegressor RandomTreesEmbedding',
  'sklearn.ensemble.gradient_boosting':
    'BaseGradientBoosting BinomialDeviance ClassificationLossFunction ExponentialLoss GradientBoostingClassifier GradientBoostingRegressor HuberLossFunction LogOddsEstimator LossFunction MeanEstimator MultinomialDeviance PriorProbabilityEstimator QuantileEstimator QuantileLossFunction RegressionLossFunction ScaledLogOddsEstimator VerboseReporter ZeroEstimator',
  'sklearn.ensemble.weight_boosting': 'AdaBoostClassifier AdaBoostRegressor BaseWeightBoosting',
  'sklearn.feature_extraction._dict_vectorizer': 'DictVectorizer',
  'sklearn.feature_extraction._hash': 'FeatureHasher',
  'sklearn.feature_extraction.dict_vectorizer': 'DictVectorizer',
  'sklearn.feature_extraction.image': 'PatchExtractor',
  'sklearn.feature_extraction.text': 'CountVectorizer HashingVectorizer TfidfTransformer TfidfVectorizer',
  'sklearn.feature_selection._base': '_get_feature_importances',
  'sklearn.feature_selection._from_model': 'SelectFromModel',
  'sklearn.feature_selection._mutual_info':
    '_compute_mi _compute_mi_cc _compute_mi_cd _estimate_mi _iterate_columns mutual_info_classif mutual_info_regression',
  'sklearn.feature_selection._rfe': 'RFE RFECV',
  'sklearn.feature_selection._sequential': 'SequentialFeatureSelector',
  'sklearn.feature_selection._univariate_selection':
    'GenericUnivariateSelect SelectFdr SelectFpr SelectFwe SelectKBest SelectPercentile _BaseFilter _chisquare _clean_nans chi2 f_classif f_oneway f_regression r_regression',
  'sklearn.feature_selection._variance_threshold': 'VarianceThreshold',
  'sklearn.frozen._frozen': 'FrozenEstimator',
  'sklearn.gaussian_process._gpc': 'GaussianProcessClassifier _BinaryGaussianProcessClassifierLaplace',
  'sklearn.gaussian_process._gpr': 'GaussianProcessRegressor',
  'sklearn.gaussian_process.kernels':
    'CompoundKernel ConstantKernel DotProduct ExpSineSquared Exponentiation Hyperparameter Kernel KernelOperator Matern PairwiseKernel Product RBF RationalQuadratic Sum WhiteKernel',
  'sklearn.impute._base': 'MissingIndicator SimpleImputer _BaseImputer',
  'sklearn.impute._iterative': 'IterativeImputer',
  'sklearn.impute._knn': 'KNNImputer',
  'sklearn.isotonic': 'IsotonicRegression',
  'sklearn.kernel_approximation': 'AdditiveChi2Sampler Nystroem PolynomialCountSketch RBFSampler SkewedChi2Sampler',
  'sklearn.kernel_ridge': 'KernelRidge',
  'sklearn.linear_model._base': 'LinearModel LinearRegression MultiOutputLinearModel',
  'sklearn.linear_model._bayes': 'ARDRegression BayesianRidge',
  'sklearn.linear_model._coordinate_descent':
    'ElasticNet ElasticNetCV Lasso LassoCV LinearModelCV MultiTaskElasticNet MultiTaskElasticNetCV MultiTaskLasso MultiTaskLassoCV',
  'sklearn.linear_model._glm._newton_solver': 'NewtonCholeskySolver NewtonSolver',
  'sklearn.linear_model._glm.glm':
    'GammaRegressor GeneralizedLinearRegressor PoissonRegressor TweedieRegressor _GeneralizedLinearRegressor',
  'sklearn.linear_model._glm.link': 'BaseLink IdentityLink LogLink LogitLink',
  'sklearn.linear_model._huber': 'HuberRegressor',
  'sklearn.linear_model._least_angle': 'Lars LarsCV LassoLars LassoLarsCV LassoLarsIC',
  'sklearn.linear_model._linear_loss': 'LinearModelLoss',
  'sklearn.linear_model._logistic': 'LogisticRegression LogisticRegressionCV _LbfgsCallbackBridge',
  'sklearn.linear_model._omp': 'OrthogonalMatchingPursuit OrthogonalMatchingPursuitCV',
  'sklearn.linear_model._passive_aggressive': 'PassiveAggressiveClassifier PassiveAggressiveRegressor',
  'sklearn.linear_model._perceptron': 'Perceptron',
  'sklearn.linear_model._quantile': 'QuantileRegressor',
  'sklearn.linear_model._ransac': 'RANSACRegressor',
  'sklearn.linear_model._ridge':
    'Ridge RidgeCV RidgeClassifier RidgeClassifierCV _BaseRidge _BaseRidgeCV _IdentityClassifier _IdentityRegressor _RidgeGCV _XT_CenterStackOp _X_CenterStackOp',
  'sklearn.linear_model._sgd_fast':
    'Classification EpsilonInsensitive Hinge Huber Log LossFunction ModifiedHuber Regression SquaredEpsilonInsensitive SquaredHinge SquaredLoss __pyx_unpickle_Classification __pyx_unpickle_Regression',
  'sklearn.linear_model._stochastic_gradient':
    'BaseSGD BaseSGDClassifier BaseSGDRegressor SGDClassifier SGDOneClassSVM SGDRegressor _ValidationScoreCallback',
  'sklearn.linear_model._theil_sen': 'TheilSenRegressor',
  'sklearn.linear_model.base': 'LinearModel LinearRegression MultiOutputLinearModel',
  'sklearn.linear_model.coordinate_descent':
    'ElasticNet ElasticNetCV Lasso LassoCV LinearModelCV MultiTaskElasticNet MultiTaskElasticNetCV MultiTaskLasso MultiTaskLassoCV',
  'sklearn.linear_model.logistic': 'LogisticRegression LogisticRegressionCV _LbfgsCallbackBridge',
  'sklearn.linear_model.ridge':
    'Ridge RidgeCV RidgeClassifier RidgeClassifierCV _BaseRidge _BaseRidgeCV _IdentityClassifier _IdentityRegressor _RidgeGCV _XT_CenterStackOp _X_CenterStackOp',
  'sklearn.linear_model.sgd_fast':
    'Classification EpsilonInsensitive Hinge Huber Log LossFunction ModifiedHuber Regression SquaredEpsilonInsensitive SquaredHinge SquaredLoss',
  'sklearn.linear_model.stochastic_gradient':
    'BaseSGD BaseSGDClassifier BaseSGDRegressor SGDClassifier SGDOneClassSVM SGDRegressor _ValidationScoreCallback',
  'sklearn.manifold._classical_mds': 'ClassicalMDS',
  'sklearn.manifold._isomap': 'Isomap',
  'sklearn.manifold._locally_linear': 'LocallyLinearEmbedding',
  'sklearn.manifold._mds': 'MDS',
  'sklearn.manifold._spectral_embedding': 'SpectralEmbedding',
  'sklearn.manifold._t_sne': 'TSNE',
  'sklearn.metrics._classification':
    '_check_set_wise_labels _check_targets _check_zero_division _log_loss _one_hot_encoding_binary_target _one_hot_encoding_multiclass_target _prf_divide _validate_binary_probabilistic_prediction _validate_multiclass_probabilistic_prediction _warn_prf _weighted_sum accuracy_score balanced_accuracy_score brier_score_loss class_likelihood_ratios classification_report cohen_kappa_score confusion_matrix d2_brier_score d2_log_loss_score f1_score fbeta_score hamming_loss hinge_loss jaccard_score jaccard_similarity_score log_loss matthews_corrcoef multilabel_confusion_matrix precision_recall_fscore_support precision_score recall_score zero_one_loss',
  'sklearn.metrics._dist_metrics':
    'BrayCurtisDistance32 BrayCurtisDistance64 CanberraDistance32 CanberraDistance64 ChebyshevDistance32 ChebyshevDistance64 DiceDistance32 DiceDistance64 DistanceMetric DistanceMetric32 DistanceMetric64 EuclideanDistance32 EuclideanDistance64 HammingDistance32 HammingDistance64 HaversineDistance32 HaversineDistance64 JaccardDistance32 JaccardDistance64 KulsinskiDistance32 KulsinskiDistance64 MahalanobisDistance32 MahalanobisDistance64 ManhattanDistance32 ManhattanDistance64 MatchingDistance32 MatchingDistance64 MinkowskiDistance32 MinkowskiDistance64 PyFuncDistance32 PyFuncDistance64 RogersTanimotoDistance32 RogersTanimotoDistance64 RussellRaoDistance32 RussellRaoDistance64 SEuclideanDistance32 SEuclideanDistance64 SokalMichenerDistance32 SokalMichenerDistance64 SokalSneathDistance32 SokalSneathDistance64 __pyx_unpickle_DistanceMetric newObj',
  'sklearn.metrics._ranking':
    '_binary_clf_curve _binary_roc_auc_score _check_dcg_target_type _dcg_sample_scores _multiclass_roc_auc_score _ndcg_sample_scores _sort_inputs_and_compute_classification_thresholds _tie_averaged_dcg auc average_precision_score confusion_matrix_at_thresholds coverage_error dcg_score det_curve label_ranking_average_precision_score label_ranking_loss metric_at_thresholds ndcg_score precision_recall_curve roc_auc_score roc_curve top_k_accuracy_score',
  'sklearn.metrics._regression':
    '_assemble_fraction_of_explained_deviance _assemble_r2_explained_variance _check_reg_targets _check_reg_targets_with_floating_dtype _mean_tweedie_deviance d2_absolute_error_score d2_pinball_score d2_tweedie_score explained_variance_score max_error mean_absolute_error mean_absolute_percentage_error mean_gamma_deviance mean_pinball_loss mean_poisson_deviance mean_squared_error mean_squared_log_error mean_tweedie_deviance median_absolute_error r2_score root_mean_squared_error root_mean_squared_log_error',
  'sklearn.metrics._scorer':
    '_BaseScorer _CurveScorer _MultimetricScorer _PassthroughScorer _PredictScorer _ProbaScorer _Scorer _ThresholdScorer',
  'sklearn.metrics.cluster._bicluster': '_check_rows_and_columns _jaccard _pairwise_similarity consensus_score',
  'sklearn.metrics.cluster._supervised':
    '_comb2 _entropy _generalized_average adjusted_mutual_info_score adjusted_rand_score check_clusterings completeness_score contingency_matrix entropy fowlkes_mallows_score homogeneity_completeness_v_measure homogeneity_score mutual_info_score normalized_mutual_info_score pair_confusion_matrix rand_score v_measure_score',
  'sklearn.metrics.cluster._unsupervised':
    '_silhouette_reduce calinski_harabasz_score calinski_harabaz_score check_number_of_labels davies_bouldin_score silhouette_samples silhouette_score',
  'sklearn.metrics.cluster.setup': 'configuration',
  'sklearn.metrics.pairwise':
    '_argmin_min_reduce _argmin_reduce _check_chunk_size _dist_wrapper _euclidean_distances _euclidean_distances_upcast _find_floating_dtype_allow_sparse _pairwise_callable _parallel_pairwise _precompute_metric_params _return_float_dtype _transposed_dist_wrapper additive_chi2_kernel check_paired_arrays check_pairwise_arrays chi2_kernel cosine_distances cosine_similarity distance_metrics euclidean_distances haversine_distances kernel_metrics laplacian_kernel linear_kernel manhattan_distances nan_euclidean_distances paired_cosine_distances paired_distances paired_euclidean_distances paired_manhattan_distances pairwise_distances pairwise_distances_argmin pairwise_distances_argmin_min pairwise_distances_chunked pairwise_kernels polynomial_kernel rbf_kernel sigmoid_kernel',
  'sklearn.mixture._base': 'BaseMixture',
  'sklearn.mixture._bayesian_mixture': 'BayesianGaussianMixture',
  'sklearn.mixture._gaussian_mixture': 'GaussianMixture',
  'sklearn.mixture.gaussian_mixture': 'GaussianMixture',
  'sklearn.model_selection._classification_threshold':
    'BaseThresholdClassifier FixedThresholdClassifier TunedThresholdClassifierCV _CurveScorer',
  'sklearn.model_selection._search': 'BaseSearchCV GridSearchCV ParameterGrid ParameterSampler RandomizedSearchCV',
  'sklearn.model_selection._search_successive_halving':
    'BaseSuccessiveHalving HalvingGridSearchCV HalvingRandomSearchCV _SubsampleMetaSplitter',
  'sklearn.model_selection._split':
    'BaseCrossValidator BaseShuffleSplit GroupKFold GroupShuffleSplit KFold LeaveOneGroupOut LeaveOneOut LeavePGroupsOut LeavePOut PredefinedSplit RepeatedKFold RepeatedStratifiedKFold ShuffleSplit StratifiedGroupKFold StratifiedKFold StratifiedShuffleSplit TimeSeriesSplit _BaseKFold _CVIterableWrapper _RepeatedSplits',
  'sklearn.multiclass': 'OneVsOneClassifier OneVsRestClassifier OutputCodeClassifier _ConstantPredictor',
  'sklearn.multioutput':
    'ClassifierChain MultiOutputClassifier MultiOutputEstimator MultiOutputRegressor RegressorChain _BaseChain _MultiOutputEstimator',
  'sklearn.naive_bayes':
    'BaseDiscreteNB BaseNB BernoulliNB CategoricalNB ComplementNB GaussianNB MultinomialNB _BaseDiscreteNB _BaseNB',
  'sklearn.neighbors._ball_tree':
    'BallTree BallTree32 BallTree64 BinaryTree32 BinaryTree64 KDTree KDTree32 KDTree64 NeighborsHeap32 NeighborsHeap64 NodeHeap newObj',
  'sklearn.neighbors._base': 'NeighborsBase',
  'sklearn.neighbors._classification': 'KNeighborsClassifier RadiusNeighborsClassifier',
  'sklearn.neighbors._dist_metrics':
    'BrayCurtisDistance32 BrayCurtisDistance64 CanberraDistance32 CanberraDistance64 ChebyshevDistance32 ChebyshevDistance64 DiceDistance32 DiceDistance64 DistanceMetric DistanceMetric32 DistanceMetric64 EuclideanDistance32 EuclideanDistance64 HammingDistance32 HammingDistance64 HaversineDistance32 HaversineDistance64 JaccardDistance32 JaccardDistance64 KulsinskiDistance32 KulsinskiDistance64 MahalanobisDistance32 MahalanobisDistance64 ManhattanDistance32 ManhattanDistance64 MatchingDistance32 MatchingDistance64 MinkowskiDistance32 MinkowskiDistance64 PyFuncDistance32 PyFuncDistance64 RogersTanimotoDistance32 RogersTanimotoDistance64 RussellRaoDistance32 RussellRaoDistance64 SEuclideanDistance32 SEuclideanDistance64 SokalMichenerDistance32 SokalMichenerDistance64 SokalSneathDistance32 SokalSneathDistance64 __pyx_unpickle_DistanceMetric newObj',
  'sklearn.neighbors._distance_metric': 'DistanceMetric',
  'sklearn.neighbors._graph': 'KNeighborsTransformer RadiusNeighborsTransformer',
  'sklearn.neighbors._kd_tree':
    'BallTree BallTree32 BallTree64 BinaryTree32 BinaryTree64 KDTree KDTree32 KDTree64 NeighborsHeap32 NeighborsHeap64 NodeHeap newObj',
  'sklearn.neighbors._kde': 'KernelDensity',
  'sklearn.neighbors._lof': 'LocalOutlierFactor',
  'sklearn.neighbors._nca': 'NeighborhoodComponentsAnalysis',
  'sklearn.neighbors._nearest_centroid': 'NearestCentroid',
  'sklearn.neighbors._quad_tree': '_QuadTree',
  'sklearn.neighbors._regression': 'KNeighborsRegressor RadiusNeighborsRegressor',
  'sklearn.neighbors._unsupervised': 'NearestNeighbors',
  'sklearn.neighbors.ball_tree': 'BallTree BallTree32 BallTree64 KDTree KDTree32 KDTree64 newObj',
  'sklearn.neighbors.classification': 'KNeighborsClassifier RadiusNeighborsClassifier',
  'sklearn.neighbors.dist_metrics':
    'BrayCurtisDistance32 BrayCurtisDistance64 CanberraDistance32 CanberraDistance64 ChebyshevDistance32 ChebyshevDistance64 DiceDistance32 DiceDistance64 DistanceMetric DistanceMetric32 DistanceMetric64 EuclideanDistance32 EuclideanDistance64 HammingDistance32 HammingDistance64 HaversineDistance32 HaversineDistance64 JaccardDistance32 JaccardDistance64 KulsinskiDistance32 KulsinskiDistance64 MahalanobisDistance32 MahalanobisDistance64 ManhattanDistance32 ManhattanDistance64 MatchingDistance32 MatchingDistance64 MinkowskiDistance32 MinkowskiDistance64 PyFuncDistance32 PyFuncDistance64 RogersTanimotoDistance32 RogersTanimotoDistance64 RussellRaoDistance32 RussellRaoDistance64 SEuclideanDistance32 SEuclideanDistance64 SokalMichenerDistance32 SokalMichenerDistance64 SokalSneathDistance32 SokalSneathDistance64 __pyx_unpickle_DistanceMetric newObj',
  'sklearn.neighbors.kd_tree': 'BallTree BallTree32 BallTree64 KDTree KDTree32 KDTree64 newObj',
  'sklearn.neighbors.regression': 'KNeighborsRegressor RadiusNeighborsRegressor',
  'sklearn.neighbors.unsupervised': 'NearestNeighbors',
  'sklearn.neural_network._base':
    'binary_log_loss identity inplace_exp inplace_identity inplace_identity_derivative inplace_logistic inplace_logistic_derivative inplace_relu inplace_relu_derivative inplace_softmax inplace_tanh inplace_tanh_derivative log_loss logistic poisson_loss relu softmax squared_loss tanh',
  'sklearn.neural_network._multilayer_perceptron': 'BaseMultilayerPerceptron MLPClassifier MLPRegressor',
  'sklearn.neural_network._rbm': 'BernoulliRBM',
  'sklearn.neural_network._stochastic_optimizers': 'AdamOptimizer BaseOptimizer SGDOptimizer',
  'sklearn.neural_network.multilayer_perceptron': 'BaseMultilayerPerceptron MLPClassifier MLPRegressor',
  'sklearn.pipeline': 'FeatureUnion Pipeline',
  'sklearn.preprocessing._data':
    'Binarizer KernelCenterer MaxAbsScaler MinMaxScaler Normalizer PolynomialFeatures PowerTransformer QuantileTransformer RobustScaler StandardScaler _handle_zeros_in_scale _is_constant_feature add_dummy_feature binarize maxabs_scale minmax_scale normalize power_transform quantile_transform robust_scale scale',
  'sklearn.preprocessing._discretization': 'KBinsDiscretizer',
  'sklearn.preprocessing._encoders': 'OneHotEncoder OrdinalEncoder _BaseEncoder',
  'sklearn.preprocessing._function_transformer': 'FunctionTransformer',
  'sklearn.preprocessing._label': 'LabelBinarizer LabelEncoder MultiLabelBinarizer',
  'sklearn.preprocessing._polynomial': 'PolynomialFeatures SplineTransformer',
  'sklearn.preprocessing._target_encoder': 'TargetEncoder',
  'sklearn.preprocessing.data':
    'Binarizer KernelCenterer MaxAbsScaler MinMaxScaler Normalizer PolynomialFeatures PowerTransformer QuantileTransformer RobustScaler StandardScaler',
  'sklearn.preprocessing.imputation': 'MissingIndicator SimpleImputer _BaseImputer',
  'sklearn.preprocessing.label': 'LabelBinarizer LabelEncoder MultiLabelBinarizer',
  'sklearn.random_projection': 'BaseRandomProjection GaussianRandomProjection SparseRandomProjection',
  'sklearn.semi_supervised._label_propagation': 'BaseLabelPropagation LabelPropagation LabelSpreading',
  'sklearn.semi_supervised._self_training': 'SelfTrainingClassifier',
  'sklearn.svm._base': 'BaseLibSVM BaseSVC',
  'sklearn.svm._classes': 'LinearSVC LinearSVR NuSVC NuSVR OneClassSVM SVC SVR',
  'sklearn.svm.classes': 'LinearSVC LinearSVR NuSVC NuSVR OneClassSVM SVC SVR',
  'sklearn.tree._classes':
    'BaseDecisionTree DecisionTreeClassifier DecisionTreeRegressor ExtraTreeClassifier ExtraTreeRegressor',
  'sklearn.tree._criterion':
    'ClassificationCriterion Criterion Entropy FriedmanMSE Gini MAE MSE Poisson RegressionCriterion __pyx_unpickle_Criterion',
  'sklearn.tree._export': 'Sentinel _BaseTreeExporter _DOTTreeExporter _MPLTreeExporter',
  'sklearn.tree._partitioner':
    'DensePartitioner SparsePartitioner __pyx_unpickle_DensePartitioner __pyx_unpickle_SparsePartitioner',
  'sklearn.tree._reingold_tilford': 'DrawTree Tree',
  'sklearn.tree._splitter':
    'BestSparseSplitter BestSplitter DensePartitioner RandomSparseSplitter RandomSplitter SparsePartitioner Splitter',
  'sklearn.tree._tree':
    'BestFirstTreeBuilder DepthFirstTreeBuilder Tree TreeBuilder _AlphaPruner _CCPPruneController _PathFinder __pyx_unpickle_TreeBuilder __pyx_unpickle__CCPPruneController',
  'sklearn.tree._utils': 'PytestWeightedFenwickTree WeightedFenwickTree WeightedMedianCalculator WeightedPQueue',
  'sklearn.tree.tree': 'DecisionTreeClassifier DecisionTreeRegressor ExtraTreeClassifier ExtraTreeRegressor',
  'sklearn.utils': 'Bunch Memory Parallel',
  'sklearn.utils._metadata_requests':
    'MetadataRequest MetadataRouter MethodMapping MethodMetadataRequest MethodPair RouterMappingPair',
  'sklearn.utils._bunch': 'Bunch',
  'sklearn.utils._encode': 'MissingValues _NaNCounter',
  'sklearn.utils._param_validation':
    'HasMethods Hidden Interval MissingValues Options RealNotInt StrOptions _ArrayLikes _Booleans _CVObjects _Callables _Constraint _InstancesOf _IterablesNotString _NanConstraint _NoneConstraint _PandasNAConstraint _RandomStates _SparseMatrices _VerboseHelper',
  'sklearn.utils.extmath':
    '_approximate_mode _deterministic_vector_sign_flip _incremental_mean_and_var _incremental_weighted_mean_and_var _nanaverage _randomized_eigsh _randomized_range_finder _randomized_svd _safe_accumulator_op cartesian density fast_logdet log_logistic make_nonnegative randomized_range_finder randomized_svd row_norms safe_min safe_sparse_dot safe_sqr softmax squared_norm stable_cumsum svd_flip weighted_mode',
  'sklearn.utils.linear_assignment_': '_HungarianState',
};
