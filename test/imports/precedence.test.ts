import t from 'tap'
import { closedForNow, type MeetingGroup, type MeetingSeries } from '../../src/imports/meeting-guide.ts'
import { groupAfter, type KnownGroup, type KnownSeries, nextDay, seriesAfter } from '../../src/imports/precedence.ts'

const meeting: MeetingGroup = {
  name: 'Sunday Serenity',
  slug: 'sunday-serenity',
  description: 'Ring twice',
  topics: ['discussion'],
  access: 'open',
  format: 'ongoing',
  mode: 'online',
  location: null,
  online_url: 'https://meet.example.org/1',
  online_phone: null,
  languages: ['es'],
  accessibility: [],
  audience: ['women'],
  status: 'active',
  status_reason: null,
  visibility: 'listed',
  time_zone: 'America/Los_Angeles'
}
const stored = {
  ...meeting,
  id: '1',
  name: 'Sunday',
  access: 'closed',
  format: 'fixed_length',
  visibility: 'unlisted',
  capacity: 12,
  slug: 'sunday-serenity'
} as unknown as KnownGroup

t.test('the list keeps up what it tells of, people keep the rest', async t => {
  t.same(groupAfter(stored, meeting), { ...stored, name: 'Sunday Serenity' })
})

t.test('the list pauses an active group and ends only that pause', async t => {
  const paused = { status: 'paused', status_reason: closedForNow } as const
  const active = { status: 'active', status_reason: null } as const
  const after = (before: Partial<KnownGroup>, listed: Partial<MeetingGroup>) => {
    const { status, status_reason } = groupAfter({ ...stored, ...before }, { ...meeting, ...listed })
    return { status, status_reason }
  }
  t.same(after(active, paused), paused)
  t.same(after(paused, active), active)
  t.same(after(paused, paused), paused)
  const welcomed = { status: 'active', status_reason: 'Back from summer' } as const
  t.same(after(welcomed, active), welcomed, 'a reason that people gave stays')
  for (const status of ['forming', 'closed', 'paused'] as const) {
    for (const listed of [active, paused]) {
      t.same(after({ status, status_reason: 'Our reason' }, listed), { status, status_reason: 'Our reason' })
    }
  }
})

t.test('another time ends the imported series and begins one', async t => {
  const weekly: MeetingSeries = {
    start_time: '18:00',
    duration_minutes: 60,
    rrule: 'FREQ=WEEKLY;BYDAY=SU',
    time_zone: 'America/Los_Angeles',
    weekdays: [0]
  }
  const { weekdays: _, ...time } = weekly
  const imported: KnownSeries = { ...time, id: 'i', group_id: '1', ends_on: null, imported: true, left: false }
  const byHand: KnownSeries = { ...imported, id: 'h', imported: false }
  const other = { ...weekly, start_time: '19:00' }
  const active = { status: 'active' } as const
  const stay = { ends: null, begins: false }

  t.same(seriesAfter(active, [], weekly), { ends: null, begins: true })
  t.same(seriesAfter(active, [imported], weekly), stay)
  for (const change of [
    { start_time: '18:30' },
    { duration_minutes: 90 },
    { time_zone: 'America/New_York' },
    { rrule: 'FREQ=WEEKLY;BYDAY=MO,SU' }
  ]) {
    t.same(seriesAfter(active, [imported], { ...weekly, ...change }), { ends: imported, begins: true })
  }
  t.same(
    seriesAfter(active, [byHand], { ...weekly, duration_minutes: 90 }),
    stay,
    'by hand, it is this meeting already'
  )
  t.same(seriesAfter(active, [byHand], other), { ends: null, begins: true }, 'and never ended by a list')
  t.same(seriesAfter(active, [imported, byHand], other), { ends: imported, begins: true })
  const ended = { ...imported, ends_on: '2026-11-01' }
  t.same(seriesAfter(active, [ended], weekly), stay, 'people ended it')
  t.same(seriesAfter(active, [ended], other), { ends: null, begins: true })
  t.same(seriesAfter(active, [ended, { ...imported, start_time: '19:00' }], other), stay, 'the last one counts')
  t.same(seriesAfter({ status: 'closed' }, [imported], other), stay)
  t.same(seriesAfter({ status: 'closed' }, [], weekly), stay)
  for (const status of ['forming', 'paused'] as const) t.same(seriesAfter({ status }, [], weekly).begins, true)
})

t.test('the next day is today or later, and not one that is taken', async t => {
  // 2026-11-23 is a Monday.
  t.equal(nextDay([1], '2026-11-23', new Set()), '2026-11-23')
  t.equal(nextDay([0], '2026-11-23', new Set()), '2026-11-29')
  t.equal(nextDay([0, 3], '2026-11-23', new Set()), '2026-11-25')
  t.equal(nextDay([1], '2026-11-23', new Set(['2026-11-23', '2026-11-30'])), '2026-12-07')
  t.equal(nextDay([4], '2026-12-31', new Set(['2026-12-31'])), '2027-01-07')
})
