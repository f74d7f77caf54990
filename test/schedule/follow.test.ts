import fc from 'fast-check'
import t from 'tap'
import { addDays } from '../../src/clock/time-zones.ts'
import { follow, type Template } from '../../src/schedule/follow.ts'
import type { SessionOfSeries } from '../../src/schedule/queries.ts'

const dayOf = (n: number) => addDays('2026-12-01', n)
const startOf = (n: number, time: string) => new Date(`${dayOf(n)}T${time}:00Z`).toISOString()
const template = (fields: Partial<Template> = {}): Template => ({
  start_time: '19:00',
  duration_minutes: 60,
  time_zone: 'UTC',
  topic: null,
  mode: null,
  location: null,
  online_url: null,
  ...fields
})
const session = (n: number, fields: Partial<SessionOfSeries> = {}): SessionOfSeries => ({
  id: `session ${n}`,
  occurs_on: dayOf(n),
  starts_at: startOf(n, '19:00'),
  ends_at: startOf(n, '20:00'),
  duration_minutes: 60,
  local_date: dayOf(n),
  local_time: '19:00',
  time_zone: 'UTC',
  topic: null,
  mode: null,
  location: null,
  online_url: null,
  open: true,
  touched: false,
  detached: false,
  ...fields
})

t.test('what becomes of the sessions of a series', async t => {
  const before = { id: 'a', ...template() }

  await t.test('they follow, as far as they were as the series had them', async t => {
    const after = { id: 'a', ...template({ start_time: '18:30', topic: 'Light', duration_minutes: 90 }) }
    const followed = follow(
      [
        session(0),
        session(1, { topic: 'Own', touched: true }),
        session(2, { local_date: dayOf(3), starts_at: startOf(3, '19:00'), touched: true }),
        session(4, { open: false })
      ],
      { before, after },
      [0, 1, 2, 4, 5].map(n => ({ occurs_on: dayOf(n), starts_at: startOf(n, '18:30') }))
    )
    const times = { local_time: '18:30', duration_minutes: 90 }
    t.match(followed, {
      change: [
        { id: 'session 0', ...times, topic: 'Light', starts_at: startOf(0, '18:30'), ends_at: startOf(0, '20:00') },
        { id: 'session 1', ...times, topic: 'Own' },
        { id: 'session 2', local_time: '19:00', local_date: dayOf(3), duration_minutes: 60, topic: 'Light' }
      ],
      make: [{ occurs_on: dayOf(5) }]
    })
    t.same([followed.change.length, followed.make.length, followed.remove, followed.detach], [3, 1, [], []])
  })

  await t.test('nothing changes where nothing was changed', async t => {
    const sessions = [session(0), session(1, { topic: 'Own' }), session(2, { open: false })]
    const wanted = [0, 1, 2].map(n => ({ occurs_on: dayOf(n), starts_at: startOf(n, '19:00') }))
    t.same(follow(sessions, { before, after: before }, wanted), { change: [], remove: [], detach: [], make: [] })
  })

  await t.test('each is accounted for, and each occurrence has one session', async () => {
    const anySession = fc
      .record({
        n: fc.nat(30),
        open: fc.boolean(),
        touched: fc.boolean(),
        detached: fc.boolean(),
        moved: fc.boolean(),
        topic: fc.constantFrom(null, 'Light', 'Own')
      })
      .map(({ n, moved, ...fields }) => ({ n, fields: { ...fields, ...(moved && { local_time: '12:00' }) } }))
    fc.assert(
      fc.property(
        fc.uniqueArray(anySession, { selector: ({ n }) => n, maxLength: 20 }),
        fc.uniqueArray(fc.nat(30), { maxLength: 20 }),
        fc.constantFrom('a', 'b'),
        fc.constantFrom('19:00', '18:30'),
        (some, days, id, start_time) => {
          const sessions = some.map(({ n, fields }) => session(n, fields))
          const after = { id, ...template({ start_time, topic: 'Light' }) }
          const wanted = days.map(n => ({ occurs_on: dayOf(n), starts_at: startOf(n, start_time) }))
          const { change, remove, detach, make } = follow(sessions, { before, after }, wanted)
          const byId = new Map(sessions.map(one => [one.id, one]))
          const told = [...change.map(one => one.id), ...remove, ...detach.map(one => one.id)]
          if (new Set(told).size !== told.length) throw new Error('told twice')
          for (const gone of remove) {
            const { open, touched } = byId.get(gone)!
            if (!open || touched) throw new Error('lost')
          }
          for (const one of [...change, ...detach]) {
            const { open, touched: _, ...stored } = byId.get(one.id)!
            const kept = { ...one, detached: stored.detached }
            if ((!open || detach.includes(one)) && JSON.stringify(kept) !== JSON.stringify(stored))
              throw new Error('changed')
          }
          const left = sessions.filter(one => !remove.includes(one.id)).map(one => one.occurs_on)
          const all = [...left, ...make.map(one => one.occurs_on)]
          if (new Set(all).size !== all.length) throw new Error('two sessions of one occurrence')
          if (!wanted.every(one => all.includes(one.occurs_on))) throw new Error('an occurrence without a session')
        }
      ),
      { numRuns: 3000 }
    )
  })
})
