/** `--import` of a process that is to tell, at its end, which modules it has loaded: into the file that LOADED_MODULES names. */
import { writeFileSync } from 'node:fs';
import { registerHooks } from 'node:module';

export interface LoadedModules {
  /** URLs, in their order. */
  readonly files: readonly string[];
  /** Names of Node's own, such as `http`, with what they consist of. */
  readonly builtins: readonly string[];
}

const files: string[] = [];

registerHooks({
  load: (url, context, next) => {
    if (url.startsWith('file:')) files.push(url);
    return next(url, context);
  },
});

process.on('exit', () => {
  const { moduleLoadList } = process as unknown as { readonly moduleLoadList: readonly string[] };
  const builtins = moduleLoadList.flatMap((entry) => /^NativeModule (.+)/.exec(entry)?.[1] ?? []);
  writeFileSync(process.env.LOADED_MODULES!, JSON.stringify({ files, builtins } satisfies LoadedModules));
});
