import fc from 'fast-check'
import t from 'tap'
import { roles, type Scope, scopes, scopesOf } from '../../src/access/roles.ts'
import { assertExpiresLater, assertNotWider, assertRoleWithin, effectiveScopes } from '../../src/access/width.ts'
import { Problem } from '../../src/problems.ts'

const anyScopes = fc.subarray([...scopes])
const anyWidth = fc.record({
  scopes: anyScopes,
  expires_at: fc.option(fc.integer({ min: 0, max: 4 }).map(day => `2030-01-0${day + 1}T00:00:00Z`))
})
const refuses = (work: () => void): boolean => {
  try {
    work()
    return false
  } catch (error) {
    if (error instanceof Problem) return true
    throw error
  }
}

t.test('a key is never wider than its maker', async t => {
  const narrower = (a: { scopes: Scope[]; expires_at: string | null }, b: typeof a) =>
    !refuses(() => assertNotWider(a, b))
  fc.assert(fc.property(anyWidth, key => narrower(key, key)))
  fc.assert(
    fc.property(anyWidth, anyWidth, anyWidth, (a, b, c) => !(narrower(a, b) && narrower(b, c)) || narrower(a, c)),
    { numRuns: 1000 }
  )
  fc.assert(
    fc.property(anyWidth, anyWidth, (key, maker) => {
      if (!narrower(key, maker)) return true
      const lasts = key.expires_at ?? '9'
      return key.scopes.every(scope => maker.scopes.includes(scope)) && lasts <= (maker.expires_at ?? '9')
    })
  )
  t.throws(() => assertNotWider({ scopes: [], expires_at: null }, { scopes: [], expires_at: '2030-01-01T00:00:00Z' }), {
    status: 403,
    code: 'wider_than_maker'
  })
  t.doesNotThrow(() =>
    assertNotWider(
      { scopes: [], expires_at: '2030-01-01T02:00:00+02:00' },
      { scopes: [], expires_at: '2030-01-01T00:00:00Z' }
    )
  )
})

t.test('no role lets a key do what its giver may not', async t => {
  fc.assert(
    fc.property(
      anyScopes,
      anyScopes,
      fc.constantFrom(...roles),
      fc.constantFrom(...roles),
      (key, maker, before, after) => {
        const width = { scopes: maker, expires_at: null }
        if (refuses(() => assertRoleWithin([{ scopes: key, expires_at: null }], before, after, width))) return true
        const widened = before === 'facilitator' && after !== 'facilitator'
        return effectiveScopes(key, after, 'staff').every(
          scope => (!widened && scopesOf[before].has(scope)) || maker.includes(scope)
        )
      }
    )
  )
  t.doesNotThrow(() => assertRoleWithin([], 'observer', 'admin', { scopes: [], expires_at: null }))
})

t.test('a key expires at some time to come', async t => {
  const now = new Date('2030-01-01T00:00:00Z')
  t.doesNotThrow(() => assertExpiresLater('2030-01-01T00:00:00.001Z', now))
  t.throws(() => assertExpiresLater('2030-01-01T00:00:00Z', now), { status: 422, code: 'expires_in_the_past' })
})
