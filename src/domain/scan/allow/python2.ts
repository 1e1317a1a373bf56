/** Names of Python 2 that loaders rewrite (`_compat_pickle` of CPython): modules, then single names. */
const MODULES: Readonly<Record<string, string>> = {
  __builtin__: 'builtins',
  copy_reg: 'copyreg',
  commands: 'subprocess',
  cPickle: 'pickle',
  cStringIO: 'io',
  StringIO: 'io',
  Queue: 'queue',
  SocketServer: 'socketserver',
  ConfigParser: 'configparser',
  httplib: 'http.client',
  urllib2: 'urllib.request',
  urlparse: 'urllib.parse',
  xmlrpclib: 'xmlrpc.client',
  repr: 'reprlib',
  thread: '_thread',
  dummy_thread: '_dummy_thread',
  whichdb: 'dbm',
  anydbm: 'dbm',
  dbhash: 'dbm.bsd',
  dumbdbm: 'dbm.dumb',
  dbm: 'dbm.ndbm',
  gdbm: 'dbm.gnu',
  _winreg: 'winreg',
  UserDict: 'collections',
  UserList: 'collections',
  UserString: 'collections',
  robotparser: 'urllib.robotparser',
  BaseHTTPServer: 'http.server',
  SimpleHTTPServer: 'http.server',
  CGIHTTPServer: 'http.server',
  Cookie: 'http.cookies',
  cookielib: 'http.cookiejar',
  htmlentitydefs: 'html.entities',
  HTMLParser: 'html.parser',
  exceptions: 'builtins',
  _abcoll: 'collections.abc',
  Tkinter: 'tkinter',
  __main__: '__main__',
};

const NAMES: Readonly<Record<string, readonly [string, string]>> = {
  '__builtin__.xrange': ['builtins', 'range'],
  '__builtin__.reduce': ['functools', 'reduce'],
  '__builtin__.intern': ['sys', 'intern'],
  '__builtin__.unichr': ['builtins', 'chr'],
  '__builtin__.unicode': ['builtins', 'str'],
  '__builtin__.long': ['builtins', 'int'],
  '__builtin__.basestring': ['builtins', 'str'],
  '__builtin__.execfile': ['builtins', 'exec'],
  '__builtin__.raw_input': ['builtins', 'input'],
  'itertools.izip': ['builtins', 'zip'],
  'itertools.imap': ['builtins', 'map'],
  'itertools.ifilter': ['builtins', 'filter'],
  'urllib.urlopen': ['urllib.request', 'urlopen'],
  'urllib.urlretrieve': ['urllib.request', 'urlretrieve'],
  'os.getcwdu': ['os', 'getcwd'],
  'UserDict.UserDict': ['collections', 'UserDict'],
  'UserDict.IterableUserDict': ['collections', 'UserDict'],
};

/** The name Python 3 imports for a name in a pickle. */
export function modernName(module: string, name: string): readonly [module: string, name: string] {
  const renamed = Object.hasOwn(NAMES, `${module}.${name}`) ? NAMES[`${module}.${name}`] : undefined;
  if (renamed !== undefined) return renamed;
  return [(Object.hasOwn(MODULES, module) ? MODULES[module] : undefined) ?? module, name];
}
