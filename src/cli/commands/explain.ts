import { WeighmarkError } from '../../domain/base/errors.ts';
import type { Register, Report } from '../command.ts';
import { explainable, explained, explainedText, type Explained } from '../views/explain.ts';
import { nearest } from '../nearest.ts';

/** `explain [CODE]…`: nothing is read, nothing is fetched. */
export const register: Register = (program, run) => {
  program
    .command('explain')
    .description('what an error code or a scan rule means, and the way out; without one, which there are')
    .argument('[code...]', 'codes such as policy-mismatch, rules such as WM-PICKLE-001')
    .action(
      run(async (_context, words: readonly string[]) => (words.length === 0 ? listed() : report(words.map(one)))),
    );
};

function one(word: string): Explained {
  const found = explained(word);
  if (found !== null) return found;
  const meant = nearest(word, explainable());
  throw new WeighmarkError('usage', `there is no code or rule ${word}`, {
    subject: word,
    hint: meant === null ? '`weighmark explain` lists them' : `did you mean \`weighmark explain ${meant}\`?`,
  });
}

function report(all: readonly Explained[]): Report {
  return {
    exitCode: 0,
    json: { explained: all },
    text: (style) => ({ out: all.map((each) => explainedText(each, style)).join('\n') }),
  };
}

function listed(): Report {
  const ids = explainable();
  return { exitCode: 0, json: { explainable: ids }, text: () => ({ out: `${ids.join('\n')}\n` }) };
}
