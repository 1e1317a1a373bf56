/**
 * Names known to be used for attacks. The list only raises severity: what is on no list is not trusted either.
 * Sources: picklescan 1.0.5 and its GHSA fixtures, hayward 1.4.1, modelscan 0.8.8, arXiv 2508.19774, notes on bypasses.
 */

/** Whole modules, with everything below them. */
const MODULES: ReadonlySet<string> = new Set(
  (
    'os posix nt ntpath posixpath sys subprocess _posixsubprocess pty commands shutil socket _socket ssl socketserver asyncio aiohttp httplib http.client http.server ' +
    'urllib.request urllib3 requests httpx ftplib smtplib telnetlib poplib imaplib nntplib xmlrpc webbrowser antigravity ' +
    'runpy codeop pdb bdb cProfile timeit doctest pydoc test.support venv ensurepip pip setuptools distutils pkg_resources ' +
    'pickle _pickle marshal dill cloudpickle shelve dbm imp importlib _imp _frozen_importlib _frozen_importlib_external pkgutil zipimport zipapp ' +
    'ctypes _ctypes cffi mmap signal resource multiprocessing concurrent threading _thread sched atexit gc inspect ' +
    'logging.config tempfile glob fileinput linecache tarfile zipfile sqlite3 idlelib lib2to3 _pyrepl _osx_support _aix_support ' +
    'numpy.f2py numpy.testing numpy.distutils numpy.ctypeslib torch.hub torch.serialization torch.package torch.utils.cpp_extension torch.utils.bottleneck torch._dynamo torch._inductor ' +
    'torch.fx.experimental torch.jit.unsupported_tensor_ops torch.utils.collect_env torch.utils._config_module torch.distributed.run torch.multiprocessing torch.utils.model_zoo torch.ops ' +
    'keras.utils tensorflow.io tensorflow.python.ops.io_ops joblib.parallel joblib.memory joblib.externals.loky joblib.externals.cloudpickle ' +
    'sklearn.externals.joblib.parallel sklearn.datasets transformers.utils.hub huggingface_hub IPython ipykernel jinja2 yaml paramiko fabric psutil win32api winreg _winapi cgitb rlcompleter py_compile compileall ' +
    'torch.distributed.rpc torch.distributed.nn ray.cloudpickle pyspark.cloudpickle distributed.protocol win32com comtypes pythoncom ' +
    'sysconfig nturl2path gettext uu pipes crypt spwd pwd fcntl syslog turtle tkinter'
  ).split(' '),
);

/** Modules whose names are also those of people's own packages: dangerous themselves, not what is below them. */
const EXACT_MODULES: ReadonlySet<string> = new Set(['code', 'profile', 'trace', 'site', 'platform', 'test']);

/** Single names in modules that also hold harmless ones. */
const NAMES: ReadonlySet<string> = new Set(
  (
    'builtins.eval builtins.exec builtins.compile builtins.open builtins.__import__ builtins.getattr builtins.setattr builtins.delattr builtins.globals builtins.locals ' +
    'builtins.vars builtins.dir builtins.breakpoint builtins.input builtins.print builtins.apply builtins.execfile builtins.file builtins.map builtins.filter builtins.type builtins.help builtins.exit builtins.quit ' +
    'builtins.memoryview builtins.__build_class__ builtins.classmethod builtins.staticmethod builtins.property builtins.super builtins.license builtins.credits ' +
    '_io.open _io.open_code _io.FileIO io.open io.open_code io.FileIO _pyio.open _pyio.FileIO codecs.open codecs.decode _codecs.decode gzip.open bz2.open lzma.open ' +
    'functools.reduce operator.methodcaller operator.attrgetter operator.call _operator.methodcaller _operator.attrgetter _operator.call ' +
    'types.CodeType types.FunctionType types.LambdaType types.MethodType types.ModuleType types.DynamicClassAttribute types.new_class types.coroutine ' +
    'uuid._popen uuid._get_command_stdout uuid._find_mac uuid._load_system_functions uuid._find_mac_near_keyword uuid._find_mac_under_heading ' +
    'logging.FileHandler logging.config.fileConfig logging.config.dictConfig logging.config.listen logging.handlers.RotatingFileHandler logging.basicConfig ' +
    'pandas.read_pickle pandas.io.pickle.read_pickle pandas.compat.pickle_compat.load pandas.compat.pickle_compat.loads pandas.eval pandas.core.computation.eval.eval pandas.io.common.urlopen pandas.read_csv pandas.read_html pandas.read_sql ' +
    'pandas.core.frame.DataFrame.query pandas.core.frame.DataFrame.eval pandas.io.sql.read_sql ' +
    'numpy.load numpy.save numpy.memmap numpy.fromfile numpy.loadtxt numpy.genfromtxt numpy.lib.npyio.load numpy.lib._npyio_impl.load numpy.DataSource numpy.lib.npyio.DataSource numpy.vectorize ' +
    'torch.load torch.save torch.from_file torch.jit.load torch.jit.save torch.compile torch.classes torch.storage._load_from_bytes_unsafe torch.import_ir_module ' +
    'joblib.load joblib.dump joblib.numpy_pickle.load joblib.hash joblib.Memory joblib.Parallel joblib.numpy_pickle.load_temporary_memmap joblib.numpy_pickle_compat.load_compatibility ' +
    'sklearn.externals.joblib.load sklearn.externals.joblib.numpy_pickle.load cv2.FileStorage skops.io.load ' +
    'keras.models.load_model tensorflow.keras.models.load_model tensorflow.saved_model.load tensorflow.py_function ' +
    'collections.namedtuple collections._namedtuple typing.get_type_hints typing._eval_type typing.ForwardRef dataclasses.make_dataclass enum._make_class_unpicklable ' +
    'random._os random._urandom statistics._os weakref.finalize contextlib.ExitStack string.Formatter timeit.timeit ' +
    'gensim.utils.unpickle numba.core.serialize._unpickle statsmodels.iolib.smpickle.load_pickle ' +
    'nltk.app nltk.data.load spacy.util.load_config scipy.io.loadmat scipy.io.savemat xgboost.core._load_lib cProfile.run profile.run'
  ).split(' '),
);

/** Functions whose effect depends wholly on their arguments: called with constants they are judged apart. */
export const CODE_MAKERS: ReadonlySet<string> = new Set([
  'types.FunctionType',
  'types.CodeType',
  'types.LambdaType',
  'marshal.loads',
  'dill._dill._create_function',
  'dill._dill._create_code',
  'cloudpickle.cloudpickle._make_function',
  'cloudpickle.cloudpickle._builtin_type',
  'cloudpickle.cloudpickle._make_skeleton_class',
  'cloudpickle.cloudpickle._function_setstate',
  'dill._dill._create_type',
  'dill._dill._load_type',
]);

/** True if the name, or a module it is in, is known to be dangerous. */
export function isDangerous(module: string, name: string): boolean {
  if (NAMES.has(`${module}.${name}`)) return true;
  const parts = module.split('.');
  return EXACT_MODULES.has(module) || parts.some((_, index) => MODULES.has(parts.slice(0, index + 1).join('.')));
}

/** A dangerous module's name, cheaply: asked of every text of a large pickle. */
export function isDangerousModule(text: string): boolean {
  return MODULES.has(text) || EXACT_MODULES.has(text) || (text.includes('.') && isDangerous(text, ''));
}

/** Attribute names that lead out of a value: used on their own, in dotted names and in `getattr`. */
export function isEscapeAttribute(name: string): boolean {
  return (
    /^__\w+__$/.test(name) ||
    /^(system|popen|exec|eval|os|sys|subprocess|modules|_load|load|loads|run|spawn\w*|builtins|func_globals|gi_frame|f_globals)$/.test(
      name,
    )
  );
}
