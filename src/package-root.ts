import { fileURLToPath } from 'node:url'

/** Where package.json and the migrations are: one directory above this file, in src as in dist, where it is part of a larger one. */
export const packageRoot = fileURLToPath(new URL('..', import.meta.url))
