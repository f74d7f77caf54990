import pg from 'pg'

/**
 * Lets requests pile up where they write to a table, so that a race is one: reads go on, inserts wait until the gate is
 * opened. Answers how to open it.
 *
 * @param mode of the lock: in `access exclusive`, reads wait too
 */
export async function closeGate(superuserUrl: string, table: string, mode = 'share'): Promise<() => Promise<void>> {
  const client = new pg.Client({ connectionString: superuserUrl })
  await client.connect()
  await client.query(`begin; lock table ${table} in ${mode} mode`)
  return async () => {
    await client.query('commit')
    await client.end()
  }
}

/** Does it while the gate of a table is closed, and opens it after a moment in which everybody has come to it. */
export async function allAtOnce<T>(
  superuserUrl: string,
  table: string,
  count: number,
  ask: (index: number) => Promise<T>
) {
  const open = await closeGate(superuserUrl, table)
  const answers = Promise.all(Array.from({ length: count }, (_, index) => ask(index)))
  await new Promise(resolve => setTimeout(resolve, 700))
  await open()
  return await answers
}
