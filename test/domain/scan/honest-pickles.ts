import { Buffer } from 'node:buffer';

interface Written {
  readonly what: string;
  /** Kept for somebody to look at: what it holds can be called later. */
  readonly reviewed?: boolean;
  readonly base64: string;
}

/** As CPython 3.11.7, NumPy 2.4.6, SciPy 1.17.1 and pandas 3.1.1 pickle them. */
const WRITTEN: readonly Written[] = [
  {
    what: 'an OptimizeResult, protocol 0',
    base64:
      'Y2NvcHlfcmVnCl9yZWNvbnN0cnVjdG9yCnAwCihjc2NpcHkub3B0aW1pemUuX29wdGltaXplCk9wdGltaXplUmVzdWx0CnAxCmNfX2J1aWx0aW5fXwpkaWN0CnAyCihkcDMKVngKcDQKSTEKc3RwNQpScDYKLg==',
  },
  {
    what: 'a Rotation, protocol 0',
    base64:
      'Y2NvcHlfcmVnCl9yZWNvbnN0cnVjdG9yCnAwCihjc2NpcHkuc3BhdGlhbC50cmFuc2Zvcm0uX3JvdGF0aW9uClJvdGF0aW9uCnAxCmNfX2J1aWx0aW5fXwpvYmplY3QKcDIKTnRwMwpScDQKKGNudW1weS5fY29yZS5tdWx0aWFycmF5Cl9yZWNvbnN0cnVjdApwNQooY251bXB5Cm5kYXJyYXkKcDYKKEkwCnRwNwpjX2NvZGVjcwplbmNvZGUKcDgKKFZiCnA5ClZsYXRpbjEKcDEwCnRwMTEKUnAxMgp0cDEzClJwMTQKKEkxCihJMQpJNAp0cDE1CmNudW1weQpkdHlwZQpwMTYKKFZmOApwMTcKSTAwCkkwMQp0cDE4ClJwMTkKKEkzClY8CnAyMApOTk5JLTEKSS0xCkkwCnRwMjEKYkkwMApnOAooVlx1MDAwMFx1MDAwMFx1MDAwMFx1MDAwMFx1MDAwMFx1MDAwMFx1MDAwMFx1MDAwMFx1MDAwMFx1MDAwMFx1MDAwMFx1MDAwMFx1MDAwMFx1MDAwMFx1MDAwMFx1MDAwMFx1MDAwMFx1MDAwMFx1MDAwMFx1MDAwMFx1MDAwMFx1MDAwMFx1MDAwMFx1MDAwMFx1MDAwMFx1MDAwMFx1MDAwMFx1MDAwMFx1MDAwMFx1MDAwMPA/CnAyMgpnMTAKdHAyMwpScDI0CnRwMjUKYkkwMQp0cDI2CmIu',
  },
  {
    what: 'a BSpline, protocol 0',
    base64:
      'Y2NvcHlfcmVnCl9yZWNvbnN0cnVjdG9yCnAwCihjc2NpcHkuaW50ZXJwb2xhdGUuX2JzcGxpbmVzCkJTcGxpbmUKcDEKY19fYnVpbHRpbl9fCm9iamVjdApwMgpOdHAzClJwNAooZHA1ClZfYXNhcnJheQpwNgpjc2NpcHkuX2xpYi5hcnJheV9hcGlfY29tcGF0Lm51bXB5Ll9hbGlhc2VzCmFzYXJyYXkKcDcKc1ZrCnA4CkkxCnNWX2MKcDkKY251bXB5Ll9jb3JlLm11bHRpYXJyYXkKX3JlY29uc3RydWN0CnAxMAooY251bXB5Cm5kYXJyYXkKcDExCihJMAp0cDEyCmNfY29kZWNzCmVuY29kZQpwMTMKKFZiCnAxNApWbGF0aW4xCnAxNQp0cDE2ClJwMTcKdHAxOApScDE5CihJMQooSTIKdHAyMApjbnVtcHkKZHR5cGUKcDIxCihWZjgKcDIyCkkwMApJMDEKdHAyMwpScDI0CihJMwpWPApwMjUKTk5OSS0xCkktMQpJMAp0cDI2CmJJMDAKZzEzCihWXHUwMDAwXHUwMDAwXHUwMDAwXHUwMDAwXHUwMDAwXHUwMDAw8D9cdTAwMDBcdTAwMDBcdTAwMDBcdTAwMDBcdTAwMDBcdTAwMDDwPwpwMjcKZzE1CnRwMjgKUnAyOQp0cDMwCmJzVl90CnAzMQpnMTAKKGcxMQooSTAKdHAzMgpnMTcKdHAzMwpScDM0CihJMQooSTQKdHAzNQpnMjQKSTAwCmcxMwooVlx1MDAwMFx1MDAwMFx1MDAwMFx1MDAwMFx1MDAwMFx1MDAwMFx1MDAwMFx1MDAwMFx1MDAwMFx1MDAwMFx1MDAwMFx1MDAwMFx1MDAwMFx1MDAwMPA/XHUwMDAwXHUwMDAwXHUwMDAwXHUwMDAwXHUwMDAwXHUwMDAwXHUwMDAwQFx1MDAwMFx1MDAwMFx1MDAwMFx1MDAwMFx1MDAwMFx1MDAwMAhACnAzNgpnMTUKdHAzNwpScDM4CnRwMzkKYnNWZXh0cmFwb2xhdGUKcDQwCkkwMQpzVmF4aXMKcDQxCkkwCnNiLg==',
  },
  {
    what: 'a linear system, protocol 0',
    base64:
      'Y2NvcHlfcmVnCl9yZWNvbnN0cnVjdG9yCnAwCihjc2NpcHkuc2lnbmFsLl9sdGlzeXMKVHJhbnNmZXJGdW5jdGlvbkNvbnRpbnVvdXMKcDEKY19fYnVpbHRpbl9fCm9iamVjdApwMgpOdHAzClJwNAooZHA1ClZpbnB1dHMKcDYKSTEKc1ZvdXRwdXRzCnA3CkkxCnNWX2R0CnA4Ck5zVl9udW0KcDkKY251bXB5Ll9jb3JlLm11bHRpYXJyYXkKX3JlY29uc3RydWN0CnAxMAooY251bXB5Cm5kYXJyYXkKcDExCihJMAp0cDEyCmNfY29kZWNzCmVuY29kZQpwMTMKKFZiCnAxNApWbGF0aW4xCnAxNQp0cDE2ClJwMTcKdHAxOApScDE5CihJMQooSTEKdHAyMApjbnVtcHkKZHR5cGUKcDIxCihWZjgKcDIyCkkwMApJMDEKdHAyMwpScDI0CihJMwpWPApwMjUKTk5OSS0xCkktMQpJMAp0cDI2CmJJMDAKZzEzCihWXHUwMDAwXHUwMDAwXHUwMDAwXHUwMDAwXHUwMDAwXHUwMDAw8D8KcDI3CmcxNQp0cDI4ClJwMjkKdHAzMApic1ZfZGVuCnAzMQpnMTAKKGcxMQooSTAKdHAzMgpnMTcKdHAzMwpScDM0CihJMQooSTIKdHAzNQpnMjQKSTAwCmcxMwooVlx1MDAwMFx1MDAwMFx1MDAwMFx1MDAwMFx1MDAwMFx1MDAwMPA/XHUwMDAwXHUwMDAwXHUwMDAwXHUwMDAwXHUwMDAwXHUwMDAw8D8KcDM2CmcxNQp0cDM3ClJwMzgKdHAzOQpic2Iu',
  },
  {
    what: 'a TimedeltaIndex',
    base64:
      'gASVswEAAAAAAACMHnBhbmRhcy5jb3JlLmluZGV4ZXMudGltZWRlbHRhc5SME19uZXdfVGltZWRlbHRhSW5kZXiUk5SMBnBhbmRhc5SMDlRpbWVkZWx0YUluZGV4lJOUfZQojARkYXRhlIwTcGFuZGFzLl9saWJzLmFycmF5c5SMHF9fcHl4X3VucGlja2xlX05EQXJyYXlCYWNrZWSUk5SMDXBhbmRhcy5hcnJheXOUjA5UaW1lZGVsdGFBcnJheZSTlEofBvEEToeUUpSMBW51bXB5lIwFZHR5cGWUk5SMAm04lImIh5RSlChLBIwBPJROTk5K/////0r/////SwBOKEMCdXOUSwFLAUsBdJSGlHSUYowWbnVtcHkuX2NvcmUubXVsdGlhcnJheZSMDF9yZWNvbnN0cnVjdJSTlGgQjAduZGFycmF5lJOUSwCFlEMBYpSHlFKUKEsBSwKFlGgViUMQAGDXHRQAAAAAwK47KAAAAJR0lGKGlGKMBG5hbWWUTowEZnJlcZSMG3BhbmRhcy5fbGlicy50c2xpYnMub2Zmc2V0c5SMA0RheZSTlEsBiYaUUpR1hpRSlC4=',
  },
  { what: 'a status of HTTP', base64: 'gASVHQAAAAAAAACMBGh0dHCUjApIVFRQU3RhdHVzlJOUS8iFlFKULg==' },
  {
    what: 'int | None',
    base64:
      'gASVVgAAAAAAAACMCl9mdW5jdG9vbHOUjAZyZWR1Y2WUk5SMCV9vcGVyYXRvcpSMA29yX5STlIwIYnVpbHRpbnOUjANpbnSUk5RoBowEdHlwZZSTlE6FlFKUhpSGlFKULg==',
  },
  {
    what: 'a struct_time',
    base64:
      'gASVVQAAAAAAAACMBHRpbWWUjAtzdHJ1Y3RfdGltZZSTlChN6gdLC0seSwhLGEsTSwBNTgFLAHSUfZQojAd0bV96b25llIwDVVRDlIwJdG1fZ210b2ZmlEsAdYaUUpQu',
  },
  {
    what: 'a UserDict, protocol 0',
    base64:
      'Y2NvcHlfcmVnCl9yZWNvbnN0cnVjdG9yCnAwCihjVXNlckRpY3QKSXRlcmFibGVVc2VyRGljdApwMQpjX19idWlsdGluX18Kb2JqZWN0CnAyCk50cDMKUnA0CihkcDUKVmRhdGEKcDYKKGRwNwpWYQpwOApJMQpzc2Iu',
  },
  {
    what: 'a Grouper, protocol 0',
    base64:
      'Y2NvcHlfcmVnCl9yZWNvbnN0cnVjdG9yCnAwCihjcGFuZGFzLmFwaS50eXBpbmcKVGltZUdyb3VwZXIKcDEKY19fYnVpbHRpbl9fCm9iamVjdApwMgpOdHAzClJwNAooZHA1ClZjbG9zZWQKcDYKVmxlZnQKcDcKc1ZsYWJlbApwOApnNwpzVmNvbnZlbnRpb24KcDkKVmUKcDEwCnNWaG93CnAxMQpWbWVhbgpwMTIKc1ZmaWxsX21ldGhvZApwMTMKTnNWbGltaXQKcDE0Ck5zVmdyb3VwX2tleXMKcDE1CkkwMApzVl9hcnJvd19kdHlwZQpwMTYKTnNWb3JpZ2luCnAxNwpWc3RhcnRfZGF5CnAxOApzVm9mZnNldApwMTkKTnNWa2V5CnAyMApOc1ZsZXZlbApwMjEKTnNWZnJlcQpwMjIKY3BhbmRhcy5fbGlicy50c2xpYnMub2Zmc2V0cwpEYXkKcDIzCihJMQpJMDAKdHAyNApScDI1CnNWc29ydApwMjYKSTAxCnNWZHJvcG5hCnAyNwpJMDEKc1ZfaW5kZXhlcl9kZXByZWNhdGVkCnAyOApOc1ZiaW5uZXIKcDI5Ck5zVl9ncm91cGVyCnAzMApOc1ZfaW5kZXhlcgpwMzEKTnNiLg==',
  },
  {
    what: 'an annotated type, protocol 0',
    base64:
      'Y19vcGVyYXRvcgpnZXRpdGVtCnAwCihjdHlwaW5nCkFubm90YXRlZApwMQooY19fYnVpbHRpbl9fCmxvbmcKcDIKVngKcDMKdHA0CnRwNQpScDYKLg==',
  },
  {
    what: 'partial(operator.add, 1)',
    base64: 'gASVPgAAAAAAAACMCWZ1bmN0b29sc5SMB3BhcnRpYWyUk5SMCV9vcGVyYXRvcpSMA2FkZJSTlIWUUpQoaAVLAYWUfZROdJRiLg==',
  },
  { what: 'count(3)', base64: 'gASVHQAAAAAAAACMCWl0ZXJ0b29sc5SMBWNvdW50lJOUSwOFlFKULg==' },
  { what: 'attrgetter', reviewed: true, base64: 'gASVIwAAAAAAAACMCG9wZXJhdG9ylIwKYXR0cmdldHRlcpSTlIwBeJSFlFKULg==' },
  {
    what: 'methodcaller',
    reviewed: true,
    base64: 'gASVKQAAAAAAAACMCG9wZXJhdG9ylIwMbWV0aG9kY2FsbGVylJOUjAVzdHJpcJSFlFKULg==',
  },
  {
    what: "a list's method, protocol 0",
    reviewed: true,
    base64: 'Y19fYnVpbHRpbl9fCmdldGF0dHIKcDAKKChscDEKVmFwcGVuZApwMgp0cDMKUnA0Ci4=',
  },
  {
    what: "a text's method, protocol 0",
    reviewed: true,
    base64: 'Y19fYnVpbHRpbl9fCmdldGF0dHIKcDAKKFZhYmMKcDEKVnVwcGVyCnAyCnRwMwpScDQKLg==',
  },
];

export const HONEST = WRITTEN.map(({ what, reviewed = false, base64 }) => ({
  what,
  reviewed,
  content: Buffer.from(base64, 'base64'),
}));
