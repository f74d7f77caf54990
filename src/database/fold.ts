/** Folded for comparison: lower case, without accents, runs of space as one. `Café  Ñandú` and `cafe nandu` are the same. */
export const fold = (text: string): string =>
  text
    .normalize('NFKD')
    .replace(/\p{M}+/gu, '')
    .toLowerCase()
    .replace(/\s+/g, ' ')
    .trim()
