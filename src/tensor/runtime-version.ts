import { createRequire } from 'node:module';

/** Version of the runtime that computes, without loading it: another one may round the last bit differently. */
export function runtimeVersion(): string {
  return (createRequire(import.meta.url)('onnxruntime-node/package.json') as { version: string }).version;
}
