import { unavailable } from '../problems.ts'

/**
 * Lets at most so many things be done at once; the others wait in line, first come, first served.
 *
 * @param patience milliseconds after which who waits is told to come again (Problem 503 `busy`)
 */
export function inLine(most: number, patience: number): <T>(work: () => Promise<T>) => Promise<T> {
  let underWay = 0
  /** Those who wait, each told that it is its turn. */
  const line = new Set<() => void>()

  const turn = () =>
    new Promise<void>((resolve, reject) => {
      const called = () => {
        clearTimeout(timer)
        line.delete(called)
        resolve()
      }
      const timer = setTimeout(() => {
        line.delete(called)
        reject(unavailable('busy', 1))
      }, patience)
      line.add(called)
    })

  return async work => {
    // Who is called takes the place of the one who leaves: nobody comes between.
    if (underWay >= most) await turn()
    else underWay++
    try {
      return await work()
    } finally {
      const [next] = line
      if (next === undefined) underWay--
      else next()
    }
  }
}
