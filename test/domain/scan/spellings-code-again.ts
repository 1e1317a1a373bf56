import { Buffer } from 'node:buffer';
import type { Spelling } from './spellings-pickle.ts';

const model = (before: string, line: string): Spelling => ({
  kind: 'a call in a new spelling',
  path: 'modeling_x.py',
  content: Buffer.from(
    `${before}\nfrom transformers import PreTrainedModel\nclass M(PreTrainedModel):\n    def __init__(self, config):\n        ${line}\n`,
  ),
});

export const CODE_AGAIN: readonly Spelling[] = (
  [
    ['import os', "for o in (os,): o.system('id')"],
    ['import os', "(lambda m: m.system('id'))(os)"],
    ['import os\ndef f(m):\n    m.system("id")', 'f(os)'],
    ['import os', "d = {'m': os}\n        d['m'].system('id')"],
    ['import os', "setattr(self, 'm', os)\n        self.m.system('id')"],
    ['import os', "[o] = [os]\n        o.system('id')"],
    ['import os', "(o, p) = (os, 1)\n        o.system('id')"],
    ['import os', "getattr(os, config.name)('id')"],
    ['import os', "getattr(os, 'SYSTEM'.lower())('id')"],
    ['import os', "getattr(os, f'{\"sys\"}tem')('id')"],
    ['import os', "getattr(os, '%s%s' % ('sys', 'tem'))('id')"],
    ['import os', "getattr(os, bytes([115, 121, 115, 116, 101, 109]).decode())('id')"],
    ['import os', "match os:\n            case o: o.system('id')"],
    ['import os, contextlib', "with contextlib.nullcontext(os) as o: o.system('id')"],
    ['import sys', "[m for m in sys.modules.values() if m.__name__ == 'os'][0].system('id')"],
    ['import sys', "sys.modules[config.a].system('id')"],
    ['import sys', "sys.modules[__name__].os.system('id')\nimport os"],
    ['', "[c for c in ().__class__.__base__.__subclasses__() if c.__name__ == 'Popen'][0](['id'])"],
    ['', "print(f\"{__import__('os').system('id')}\")"],
    ['import importlib', "importlib.import_module(name='os').system('id')"],
    ['import importlib', "importlib.import_module(config.lib).system('id')"],
    ['import importlib.util as u', "u.find_spec('os').loader.load_module().system('id')"],
    ['', "globals()['__builtins__']['exec']('print(1)')"],
    ['', "self.__init__.__globals__['__builtins__']['exec']('print(1)')"],
    ['import codecs', "codecs.lookup(config.x)\n        exec(codecs.decode('cevag(1)', 'rot13'))"],
    ['import ctypes', "ctypes.cdll.LoadLibrary('x.so')"],
    ['import ctypes as c', "c.CDLL(None).system(b'id')"],
    ['import ctypes.util, ctypes', "getattr(ctypes, 'CDLL')(None)['system'](b'id')"],
    ['import torch', "torch.classes.load_library('x.so')"],
    ['import concurrent.futures as c, os', "c.ThreadPoolExecutor().submit(os.system, 'id')"],
    ['import multiprocessing as mp, os', "mp.Process(target=os.system, args=('id',)).start()"],
    ['import atexit, os', "atexit.register(os.system, 'id')"],
    ['import threading, os', "threading.Thread(target=os.popen, args=('id',)).start()"],
    [
      'import os\nclass Meta(type):\n    def __new__(m, *a):\n        os.system("id")\n        return type.__new__(m, *a)',
      'pass',
    ],
    ['import os\nclass Base:\n    def __init_subclass__(cls):\n        os.system("id")', 'pass'],
    ['import os\nclass A:\n    run = os\n', "A.run.system('id')"],
    ['import os\nclass A:\n    def __getattr__(self, n): return getattr(os, n)\n', "A().system('id')"],
    ['import platform', "platform.os.system('id')"],
    ['import os', "exec.__call__('print(1)')"],
    ['', "(eval if config.a else exec)('print(1)')"],
    ['', "[exec][0]('print(1)')"],
    ['', "next(iter([exec]))('print(1)')"],
    ['', "e = [exec]\n        e[0]('print(1)')"],
    ['', "__builtins__.__dict__['ex' 'ec']('print(1)')"],
    ['import builtins as b', "b.__dict__[config.x]('print(1)')"],
    ['import types', "types.FunctionType(compile('print(1)', 'a', 'exec'), {})()"],
    ['import code', "code.InteractiveInterpreter().runsource('print(1)')"],
    ['import pkgutil', "pkgutil.resolve_name('os:system')('id')"],
    ['import pydoc', "pydoc.locate('os.system')('id')"],
    ['import _posixsubprocess', '_posixsubprocess.fork_exec()'],
    ['from subprocess import *', "getoutput('id')"],
    ['from subprocess import Popen as P', "type('X', (P,), {})(['id'])"],
    ['import subprocess\nclass X(subprocess.Popen): pass', "X(['id'])"],
    ['import pty', "pty.spawn('sh')"],
    ['import sh', 'sh.ls()'],
    ['import plumbum.cmd as c', 'c.ls()'],
  ] as const
).map(([before, line]) => model(before, line));

/** Done honestly, too: for review. */
export const CODE_REVIEWED_AGAIN: readonly Spelling[] = (
  [
    ['import torch', "torch.hub.load('a/b', 'c', trust_repo=True)"],
    ['import torch', "torch.load('x.bin', weights_only=False)"],
    ['import zipimport', "zipimport.zipimporter('x.zip').load_module('y')"],
    ['import sys', "sys.path.insert(0, '/tmp/x')\n        import y"],
    [
      'import importlib.util as u',
      "s = u.spec_from_file_location('x', '/tmp/x.py')\n        m = u.module_from_spec(s)\n        s.loader.exec_module(m)",
    ],
    ['import logging.config as l', "l.dictConfig({'version': 1})"],
    ['import gc', "[o for o in gc.get_objects() if getattr(o, '__name__', '') == 'system'][0]('id')"],
    ['import webbrowser', "webbrowser.open('x')"],
    ['import yaml', "yaml.load('x', Loader=yaml.UnsafeLoader)"],
    ['import yaml', "yaml.unsafe_load('x')"],
    ['import numpy as np', "np.load('x.npy', allow_pickle=True)"],
    ['import pandas as pd', "pd.read_pickle('x.pkl')"],
    ['import jsonpickle', "jsonpickle.decode('x')"],
    ['import signal, os', 'os.kill(os.getppid(), signal.SIGKILL)'],
    ['from fabric import Connection', "Connection('h').run('id')"],
  ] as const
).map(([before, line]) => model(before, line));
