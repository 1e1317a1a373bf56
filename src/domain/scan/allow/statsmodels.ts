/**
 * Models, results, families and state spaces of statsmodels 0.15.0, by the classes in its sources. One made by a formula runs that
 * formula again when its state is set: see `pickle/formulas.ts`.
 */
export const STATSMODELS: Readonly<Record<string, string>> = {
  'statsmodels.base.data': 'FormulaicData ModelData PandasData PatsyData',
  'statsmodels.base.distributed_estimation': 'DistributedResults',
  'statsmodels.base.elastic_net': 'RegularizedResults RegularizedResultsWrapper',
  'statsmodels.base.model':
    'GenericLikelihoodModel GenericLikelihoodModelResults LikelihoodModel LikelihoodModelResults LikelihoodResultsWrapper Model Results',
  'statsmodels.base.wrapper': 'ResultsWrapper',
  'statsmodels.discrete.conditional_models':
    'ConditionalLogit ConditionalMNLogit ConditionalPoisson ConditionalResults ConditionalResultsWrapper _ConditionalModel',
  'statsmodels.discrete.count_model':
    'GenericZeroInflated L1ZeroInflatedGeneralizedPoissonResults L1ZeroInflatedGeneralizedPoissonResultsWrapper L1ZeroInflatedNegativeBinomialResults L1ZeroInflatedNegativeBinomialResultsWrapper L1ZeroInflatedPoissonResults L1ZeroInflatedPoissonResultsWrapper ZeroInflatedGeneralizedPoisson ZeroInflatedGeneralizedPoissonResults ZeroInflatedGeneralizedPoissonResultsWrapper ZeroInflatedNegativeBinomialP ZeroInflatedNegativeBinomialResults ZeroInflatedNegativeBinomialResultsWrapper ZeroInflatedPoisson ZeroInflatedPoissonResults ZeroInflatedPoissonResultsWrapper ZeroInflatedResults',
  'statsmodels.discrete.discrete_model':
    'BinaryModel BinaryResults BinaryResultsWrapper CountModel CountResults CountResultsWrapper DiscreteModel DiscreteResults GeneralizedPoisson GeneralizedPoissonResults GeneralizedPoissonResultsWrapper L1BinaryResults L1BinaryResultsWrapper L1CountResults L1CountResultsWrapper L1GeneralizedPoissonResults L1GeneralizedPoissonResultsWrapper L1MultinomialResults L1MultinomialResultsWrapper L1NegativeBinomialResults L1NegativeBinomialResultsWrapper L1PoissonResults L1PoissonResultsWrapper Logit LogitResults MNLogit MultinomialModel MultinomialResults MultinomialResultsWrapper NegativeBinomial NegativeBinomialP NegativeBinomialPResults NegativeBinomialPResultsWrapper NegativeBinomialResults NegativeBinomialResultsWrapper OrderedResults OrderedResultsWrapper Poisson PoissonResults PoissonResultsWrapper Probit ProbitResults',
  'statsmodels.discrete.truncated_model':
    'HurdleCountModel HurdleCountResults HurdleCountResultsWrapper L1HurdleCountResults L1HurdleCountResultsWrapper L1TruncatedLFGenericResults L1TruncatedLFGenericResultsWrapper TruncatedLFGeneralizedPoisson TruncatedLFGeneric TruncatedLFGenericResults TruncatedLFGenericResultsWrapper TruncatedLFNegativeBinomialP TruncatedLFPoisson TruncatedLFPoissonResults TruncatedNegativeBinomialResults _RCensored _RCensoredGeneralizedPoisson _RCensoredGeneric _RCensoredNegativeBinomialP _RCensoredPoisson',
  'statsmodels.duration.hazard_regression': 'PHReg PHRegResults',
  'statsmodels.gam.generalized_additive_model': 'GLMGam GLMGamResults GLMGamResultsWrapper LogitGam',
  'statsmodels.genmod.bayes_mixed_glm': 'BinomialBayesMixedGLM PoissonBayesMixedGLM _BayesMixedGLM',
  'statsmodels.genmod.cov_struct':
    'Autoregressive CategoricalCovStruct CovStruct Equivalence Exchangeable GlobalOddsRatio Independence Nested NominalIndependence OrdinalIndependence Stationary Unstructured',
  'statsmodels.genmod.families.family':
    'Binomial Family Gamma Gaussian InverseGaussian NegativeBinomial Poisson Tweedie',
  'statsmodels.genmod.families.links':
    'CDFLink CLogLog Cauchy Identity InversePower InverseSquared Link Log LogC LogLog Logit NegativeBinomial Power Probit Sqrt cauchy cloglog identity inverse_power inverse_squared log logc logit loglog nbinom probit sqrt',
  'statsmodels.genmod.families.varfuncs': 'Binomial Power VarianceFunction',
  'statsmodels.genmod.generalized_estimating_equations':
    'GEE GEEResults GEEResultsWrapper NominalGEE NominalGEEResults NominalGEEResultsWrapper OrdinalGEE OrdinalGEEResults OrdinalGEEResultsWrapper _Multinomial _MultinomialLogit',
  'statsmodels.genmod.generalized_linear_model': 'GLM GLMResults GLMResultsWrapper',
  'statsmodels.genmod.qif': 'QIF QIFResults QIFResultsWrapper',
  'statsmodels.miscmodels.count': 'PoissonGMLE PoissonOffsetGMLE PoissonZiGMLE',
  'statsmodels.miscmodels.nonlinls': 'Myfunc NonlinearLS',
  'statsmodels.miscmodels.ordinal_model': 'OrderedModel OrderedResults OrderedResultsWrapper',
  'statsmodels.miscmodels.tmodel': 'TLinearModel',
  'statsmodels.miscmodels.try_mlecov': 'MLEGLS',
  'statsmodels.regression.dimred':
    'CORE CovarianceReduction DimReductionResults DimReductionResultsWrapper PHD PrincipalHessianDirections SAVE SIR SlicedAverageVarianceEstimation SlicedInverseReg _DimReductionRegression',
  'statsmodels.regression.feasible_gls': 'GLSHet GLSHet2',
  'statsmodels.regression.linear_model':
    'GLS GLSAR OLS OLSResults RegressionModel RegressionResults RegressionResultsWrapper WLS',
  'statsmodels.regression.mixed_linear_model':
    'MixedLM MixedLMParams MixedLMResults MixedLMResultsWrapper VCSpec _mixedlm_distribution',
  'statsmodels.regression.process_regression': 'ProcessMLE ProcessMLEResults',
  'statsmodels.regression.quantile_regression': 'QuantReg QuantRegResults',
  'statsmodels.regression.recursive_ls': 'RecursiveLS RecursiveLSResults RecursiveLSResultsWrapper',
  'statsmodels.robust.norms':
    'AndrewWave Hampel HuberT LeastSquares MQuantileNorm RamsayE RobustNorm StudentT TrimmedMean TukeyBiweight TukeyQuartic',
  'statsmodels.robust.resistant_linear_model': 'RLMDetS RLMDetSMM',
  'statsmodels.robust.robust_linear_model': 'RLM RLMResults RLMResultsWrapper',
  'statsmodels.tools.decorators': 'ResettableCache',
  'statsmodels.tools.tools': 'Bunch',
  'statsmodels.tsa.ar_model': 'AutoReg AutoRegResults AutoRegResultsWrapper',
  'statsmodels.tsa.ardl.model': 'ARDL ARDLResults ARDLResultsWrapper UECM UECMResults UECMResultsWrapper',
  'statsmodels.tsa.arima.model': 'ARIMA ARIMAResults ARIMAResultsWrapper',
  'statsmodels.tsa.arima.params': 'SARIMAXParams',
  'statsmodels.tsa.arima.specification': 'SARIMAXSpecification',
  'statsmodels.tsa.base.tsa_model': 'TimeSeriesModel TimeSeriesModelResults TimeSeriesResultsWrapper',
  'statsmodels.tsa.deterministic':
    'CalendarDeterministicTerm CalendarFourier CalendarSeasonality CalendarTimeTrend DeterministicProcess DeterministicTerm Fourier FourierDeterministicTerm Seasonality TimeTrend TimeTrendDeterministicTerm',
  'statsmodels.tsa.exponential_smoothing.base': 'StateSpaceMLEModel StateSpaceMLEResults',
  'statsmodels.tsa.exponential_smoothing.ets': 'ETSModel ETSResults ETSResultsWrapper PredictionResultsWrapper',
  'statsmodels.tsa.holtwinters.model': 'ExponentialSmoothing Holt SimpleExpSmoothing',
  'statsmodels.tsa.holtwinters.results': 'HoltWintersResults HoltWintersResultsWrapper',
  'statsmodels.tsa.mlemodel': 'TSMLEModel',
  'statsmodels.tsa.regime_switching.markov_autoregression':
    'MarkovAutoregression MarkovAutoregressionResults MarkovAutoregressionResultsWrapper',
  'statsmodels.tsa.regime_switching.markov_regression':
    'MarkovRegression MarkovRegressionResults MarkovRegressionResultsWrapper',
  'statsmodels.tsa.regime_switching.markov_switching':
    'MarkovSwitching MarkovSwitchingResults MarkovSwitchingResultsWrapper',
  'statsmodels.tsa.statespace._cfa_simulation_smoother':
    'cCFASimulationSmoother dCFASimulationSmoother sCFASimulationSmoother zCFASimulationSmoother',
  'statsmodels.tsa.statespace._initialization': 'cInitialization dInitialization sInitialization zInitialization',
  'statsmodels.tsa.statespace._kalman_filter': 'cKalmanFilter dKalmanFilter sKalmanFilter zKalmanFilter',
  'statsmodels.tsa.statespace._kalman_smoother': 'cKalmanSmoother dKalmanSmoother sKalmanSmoother zKalmanSmoother',
  'statsmodels.tsa.statespace._pykalman_smoother': '_KalmanSmoother',
  'statsmodels.tsa.statespace._quarterly_ar1': 'QuarterlyAR1',
  'statsmodels.tsa.statespace._representation': 'cStatespace dStatespace sStatespace zStatespace',
  'statsmodels.tsa.statespace._simulation_smoother':
    'cSimulationSmoother dSimulationSmoother sSimulationSmoother zSimulationSmoother',
  'statsmodels.tsa.statespace.cfa_simulation_smoother': 'CFASimulationSmoother',
  'statsmodels.tsa.statespace.dynamic_factor': 'DynamicFactor DynamicFactorResults DynamicFactorResultsWrapper',
  'statsmodels.tsa.statespace.dynamic_factor_mq':
    'DynamicFactorMQ DynamicFactorMQResults DynamicFactorMQStates FactorBlock',
  'statsmodels.tsa.statespace.exponential_smoothing':
    'ExponentialSmoothing ExponentialSmoothingResults ExponentialSmoothingResultsWrapper',
  'statsmodels.tsa.statespace.initialization': 'Initialization',
  'statsmodels.tsa.statespace.kalman_filter': 'FilterResults KalmanFilter PredictionResults',
  'statsmodels.tsa.statespace.kalman_smoother': 'KalmanSmoother SmootherResults',
  'statsmodels.tsa.statespace.mlemodel':
    'MLEModel MLEResults MLEResultsWrapper PredictionResults PredictionResultsWrapper',
  'statsmodels.tsa.statespace.news': 'NewsResults',
  'statsmodels.tsa.statespace.representation': 'FrozenRepresentation MatrixWrapper OptionWrapper Representation',
  'statsmodels.tsa.statespace.sarimax': 'SARIMAX SARIMAXResults SARIMAXResultsWrapper',
  'statsmodels.tsa.statespace.simulation_smoother': 'SimulationSmoothResults SimulationSmoother',
  'statsmodels.tsa.statespace.structural':
    'UnobservedComponents UnobservedComponentsResults UnobservedComponentsResultsWrapper',
  'statsmodels.tsa.statespace.varmax': 'VARMAX VARMAXResults VARMAXResultsWrapper',
  'statsmodels.tsa.vector_ar.svar_model': 'SVAR',
  'statsmodels.tsa.vector_ar.var_model': 'FEVD LagOrderResults VAR VARProcess VARResults VARResultsWrapper',
  'statsmodels.tsa.vector_ar.vecm': 'VECM',
};
