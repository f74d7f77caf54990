import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as fc from 'fast-check'
import t from 'tap'
import { isTimeZone } from '../../src/clock/time-zones.ts'
import { isPhone } from '../../src/http/formats.ts'
import { type MeetingReading, meetingFaultCodes, readMeeting } from '../../src/imports/meeting-guide.ts'
import { meaningOfType, meetingGuideTypes, otherTypes } from '../../src/imports/meeting-guide-types.ts'
import { parseRule } from '../../src/schedule/recurrence.ts'
import { root } from '../support/root.ts'

type Row = Record<string, unknown>

/** A real list of 658 weekly meetings in San Francisco and Marin, without its contacts. */
const list: Row[] = JSON.parse(readFileSync(join(root, 'test/data/meeting-guide-sf-marin.json'), 'utf8'))

const noZone = { time_zone: null }

function read(row: unknown, time_zone: string | null = null): MeetingReading & { ok: true } {
  const reading = readMeeting(row, { time_zone })
  if (!reading.ok) throw new Error(JSON.stringify(reading.faults))
  return reading
}

/** `pointer code` of each fault. */
function faultsOf(row: unknown, time_zone: string | null = null): string[] {
  const reading = readMeeting(row, { time_zone })
  return reading.ok ? [] : reading.faults.map(fault => `${fault.pointer} ${fault.code}`)
}

function listed(slug: string): MeetingReading & { ok: true } {
  const row = list.find(row => row.slug === slug)
  if (row === undefined) throw new Error(`${slug} is not in the list`)
  return read(row)
}

const weekly = {
  slug: 'sunday-serenity',
  name: 'Sunday Serenity',
  day: 0,
  time: '18:00',
  timezone: 'America/Los_Angeles',
  address: '123 Main Street',
  city: 'Anytown',
  state: 'CA'
}
const link = 'https://meet.example.org/1'
const group = (changes: Row) => read({ ...weekly, ...changes }).group
const series = (changes: Row) => read({ ...weekly, ...changes }).series
const faults = (changes: Row) => faultsOf({ ...weekly, ...changes })

t.test('the real list', async t => {
  const readings = list.map(row => read(row))
  t.equal(readings.length, 658)

  const modes: Record<string, number> = {}
  for (const { group } of readings) modes[group.mode] = (modes[group.mode] ?? 0) + 1
  t.same(modes, { online: 514, hybrid: 89, in_person: 55 })

  t.equal(new Set(readings.map(reading => reading.slug)).size, 658, 'slugs stay unique, though nine are respelled')
  t.same(
    list.map((row, index) => [row.slug, readings[index]?.slug]).filter(([given, slug]) => given !== slug),
    [
      ['mill-valley--speaker-discussion-640', 'mill-valley-speaker-discussion-640'],
      ['a.a.-for-women-235', 'a-a-for-women-235'],
      ['friday-night-big-book-at-st.-francis-402', 'friday-night-big-book-at-st-francis-402'],
      ['there-are-those-too...-873', 'there-are-those-too-873'],
      ['each-day-a-new--beginning-370', 'each-day-a-new-beginning-370'],
      ['o.a.d.w.-85', 'o-a-d-w-85'],
      ['wake-up-on-3rd-st.-908', 'wake-up-on-3rd-st-908'],
      ['miracles-way-off-24th-st.-1058', 'miracles-way-off-24th-st-1058'],
      ['dark-holes-women%E2%80%99s-meeting-1103', 'dark-holes-women-s-meeting-1103']
    ]
  )
  t.equal(readings.filter(({ group }) => group.languages.includes('es')).length, 11)
  t.equal(readings.filter(({ group }) => group.audience.includes('fellowship members only')).length, 81)
  t.ok(readings.every(({ group }) => group.access === 'open' && group.status === 'active'))
  t.equal(
    readings.filter(({ group }) => `${group.location?.city} ${group.location?.notes}`.includes('Sausalito')).length,
    3,
    'a neighbourhood is found in the place'
  )
  for (const reading of readings) t.same(violations(reading), [])
  t.same(
    list.map(row => readMeeting(row, { time_zone: 'Europe/Berlin' })),
    readings,
    "a row's own zone wins"
  )
})

t.test('rows of the real list, one by one', async t => {
  t.test('online, with a neighbourhood', async t => {
    t.same(listed('marin-city-fellowship-speaker-619'), {
      ok: true,
      slug: 'marin-city-fellowship-speaker-619',
      group: {
        name: 'Marin City Fellowship Speaker',
        slug: 'marin-city-fellowship-speaker-619',
        description: null,
        topics: ['discussion', 'speaker'],
        access: 'open',
        format: 'ongoing',
        mode: 'online',
        location: {
          address: null,
          city: 'Marin',
          region: 'CA',
          postal_code: null,
          country: 'USA',
          latitude: null,
          longitude: null,
          notes: 'Sausalito'
        },
        online_url: 'https://meet.example.org/marin-city-fellowship-speaker-619',
        online_phone: null,
        languages: ['en'],
        accessibility: [],
        audience: ['open to all'],
        status: 'active',
        status_reason: null,
        visibility: 'listed',
        time_zone: 'America/Los_Angeles'
      },
      series: {
        start_time: '18:30',
        duration_minutes: 60,
        rrule: 'FREQ=WEEKLY;BYDAY=WE',
        weekdays: [3],
        time_zone: 'America/Los_Angeles'
      }
    })
  })
  t.test('in Spanish, no neighbourhood', async t => {
    const { group } = listed('levantate-en-espanol-598')
    t.match(group, { name: 'Levantate (En español)', languages: ['es'], location: { city: 'San Francisco' } })
    t.equal(group.location?.notes, null, 'the region repeats the city')
  })
  t.test('hybrid, with a venue', async t => {
    t.match(listed('larkspur-7am-group-200').group, {
      mode: 'hybrid',
      online_url: 'https://meet.example.org/larkspur-7am-group-200',
      accessibility: ['wheelchair access'],
      location: {
        address: '500 Magnolia Ave',
        city: 'Larkspur',
        region: 'CA',
        postal_code: '94939',
        latitude: 37.93662,
        longitude: -122.534462,
        notes: 'American Legion Hall. Marin'
      }
    })
  })
  t.test('signed', async t => {
    t.match(listed('double-dozen-asl-interpreted-359').group, {
      topics: ['steps-and-traditions', 'discussion', 'speaker'],
      languages: ['en'],
      accessibility: ['American Sign Language']
    })
  })
  t.test('in person', async t => {
    t.match(listed('reservoir-dogs-725').group, {
      mode: 'in_person',
      online_url: null,
      online_phone: null,
      location: { address: '2900 24th St', notes: 'Mission Fellowship. Mission' }
    })
  })
  t.test('in person, half a coordinate', async t => {
    t.match(listed('the-headless-horsemen-862').group, {
      mode: 'in_person',
      topics: ['outdoor', 'literature'],
      audience: ['open to all', 'men'],
      location: { address: '100 Tarry Rd # 94960', latitude: null, longitude: null }
    })
  })
  t.test('a street without a number, coordinates of 14 decimals, a Sunday', async t => {
    const { group, series } = listed('24-hours-a-day-782')
    t.match(group.location, { address: 'San Bruno Street', latitude: 37.750358, longitude: -122.404347 })
    t.match(series, { rrule: 'FREQ=WEEKLY;BYDAY=SU', weekdays: [0], start_time: '12:00' })
  })
  t.test('two spaces between words', async t => {
    t.equal(
      listed('diamond-heights-meeting-985').group.location?.notes,
      'Shepherd of the Hills Lutheran Church. Diamond Heights'
    )
  })
  t.test('no name', async t => {
    t.equal(listed('gratitude-center-aa-at-6-pm-418').group.name, 'Gratitude center aa at 6 pm')
    const saintFrancis = list.find(row => row.slug === 'friday-night-big-book-at-st.-francis-402')
    t.equal(read(saintFrancis).group.name, 'Friday night big book at st. francis')
  })
  t.test('for members of the fellowship, women', async t => {
    t.match(listed('womenat5-968').group, {
      name: 'Womenat5',
      access: 'open',
      audience: ['fellowship members only', 'women'],
      topics: ['steps-and-traditions', 'big-book', 'literature']
    })
  })
  t.test('a percent-encoded apostrophe in the slug', async t => {
    const row = list.find(row => row.slug === 'dark-holes-women%E2%80%99s-meeting-1103')
    t.match(read(row), {
      slug: 'dark-holes-women-s-meeting-1103',
      group: {
        name: 'Dark Holes Women’s Meeting',
        accessibility: ['child-friendly', 'wheelchair access'],
        audience: ['open to all', 'lesbians', 'LGBTQ people', 'transgender people', 'women']
      }
    })
  })
  t.test('an address that says its city again', async t => {
    const row = list.find(row => row.address === '5920 Geary Blvd, Sf 94121')
    t.match(read(row).group.location, { address: '5920 Geary Blvd, Sf 94121', city: 'San Francisco' })
  })
})

t.test('type codes', async t => {
  t.equal(Object.keys(meetingGuideTypes).length, 87)
  for (const [code, meaning] of Object.entries({ ...meetingGuideTypes, ...otherTypes })) {
    t.equal(Object.keys(meaning).length, 1, code)
    for (const word of [meaning.accessibility, meaning.audience, meaning.topic]) t.ok((word ?? 'none').length <= 60)
    if (meaning.topic) t.match(meaning.topic, /^[a-z0-9]+(-[a-z0-9]+)*$/)
    if (meaning.language) t.same(Intl.getCanonicalLocales(meaning.language), [meaning.language])
  }
  t.same(meaningOfType(' 12x12 '), { topic: 'steps-and-traditions' })
  t.same(meaningOfType('o'), { audience: 'open to all' })
  for (const code of ['', 'QQ', 'constructor', '__proto__']) t.same(meaningOfType(code), { ignore: true })

  t.match(group({ types: ['S', 'ES', 'TR', 'TUR', 'nonsense'] }), {
    languages: ['es', 'tr'],
    topics: ['tradition-study'],
    audience: [],
    accessibility: []
  })
  t.same(group({ types: ['O', 'C', 'W'] }).audience, ['fellowship members only', 'women'], 'C outweighs O')
  t.same(group({ types: null }).topics, [])
  const all = group({ types: Object.keys(meetingGuideTypes), conference_url: link })
  for (const words of [all.topics, all.languages, all.audience, all.accessibility]) t.ok(words.length <= 20)
  t.same(faults({ types: 'O,D' }), ['/types wrong_type'])
  t.same(faults({ types: { 0: 'O' } }), ['/types wrong_type'])
  t.same(faults({ types: ['O', 1, null] }), ['/types/1 wrong_type'])
})

t.test('identity', async t => {
  const slug = (slug: unknown) => read({ ...weekly, slug }).slug
  t.equal(slug(1204), '1204')
  t.equal(slug('Noon_Meeting.~2'), 'noon-meeting-2')
  t.equal(slug(' -caf%C3%A9 niño- '), 'cafe-nino')
  t.equal(slug('100%-sober'), '100-sober', 'not percent-encoded at all')
  t.equal(slug('a'.repeat(80)), 'a'.repeat(80))
  for (const none of [undefined, null, '', '  ']) t.same(faults({ slug: none }), ['/slug required'])
  for (const no of [true, [], {}, 1.5, -1, 1e300]) t.same(faults({ slug: no }), ['/slug wrong_type'])
  for (const no of ['...', '東京-1', '%E6%9D%B1-1', 'a\u0000b', 'a\u202eb']) {
    t.same(faults({ slug: no }), ['/slug invalid_slug'])
  }
  t.same(faults({ slug: 'a'.repeat(81) }), ['/slug too_long'])

  t.equal(group({ name: '  Noon   group ' }).name, 'Noon group')
  t.equal(group({ name: '😀'.repeat(200) }).name.length, 400, 'code points count')
  t.same(faults({ name: '😀'.repeat(201) }), ['/name too_long'])
  t.equal(group({ name: null, group: 'The Serenity Group' }).name, 'The Serenity Group')
  t.equal(group({ name: '', slug: 'caf%C3%A9-noon-12' }).name, 'Café noon')
  t.same(faults({ name: undefined, slug: 1204 }), ['/name required'])
  t.same(faults({ name: ['Noon'] }), ['/name wrong_type'])
  for (const no of ['a\u0000b', 'a\nb', 'a\tb', 'a\u0085b', 'a\u202eb', 'a\ufffeb', 'a\ud800b']) {
    t.same(faults({ name: no }), ['/name unwritable_characters'])
  }
  t.equal(group({ name: 'گروه می‌خواهم 👩‍👧' }).name, 'گروه می‌خواهم 👩‍👧', 'joiners stay')
})

t.test('when', async t => {
  t.match(series({ day: [6, 0, 3, 3] }), { rrule: 'FREQ=WEEKLY;BYDAY=WE,SA,SU', weekdays: [0, 3, 6] })
  t.match(series({ day: [0, 1, 2, 3, 4, 5, 6] }), { rrule: 'FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR,SA,SU' })
  t.same(series({ day: '3' }).weekdays, [3])
  t.same(series({ day: -0 }).weekdays, [0])
  for (const none of [undefined, null, '', []]) t.same(faults({ day: none }), ['/day no_weekly_time'])
  for (const none of [undefined, null, '']) t.same(faults({ time: none }), ['/time no_weekly_time'])
  t.same(faults({ day: null, time: null }), [' no_weekly_time'])
  for (const no of [7, -1, 1.5, 'Sunday', true, {}]) t.same(faults({ day: no }), ['/day invalid_day'])
  t.same(faults({ day: [1, 7] }), ['/day/1 invalid_day'])

  t.equal(series({ time: '7:05' }).start_time, '07:05')
  for (const no of ['24:00', '19:60', '1900', '19:00:00', '7 pm', 19, {}]) {
    t.same(faults({ time: no }), ['/time invalid_time'])
  }

  const minutes = (time: string, end_time: unknown) => series({ time, end_time }).duration_minutes
  for (const none of [undefined, null, '']) t.equal(minutes('19:00', none), 60)
  t.equal(minutes('19:00', '20:30'), 90)
  t.equal(minutes('23:00', '00:30'), 90, 'over midnight')
  t.equal(minutes('23:00', '24:00'), 60)
  t.equal(minutes('23:00', '00:00'), 60)
  t.equal(minutes('19:00', '19:00'), 60, 'an end at the start is no end')
  t.equal(minutes('00:00', '24:00'), 1440)
  t.equal(minutes('19:00', '19:05'), 5)
  t.equal(minutes('19:00', '18:59'), 1439)
  t.same(faults({ time: '19:00', end_time: '19:04' }), ['/end_time invalid_duration'])
  t.same(faults({ end_time: 'late' }), ['/end_time invalid_time'])
  t.same(faults({ end_time: 20 }), ['/end_time invalid_time'])

  const { timezone: _, ...zoneless } = weekly
  t.same(faultsOf(zoneless), ['/timezone time_zone_required'])
  t.equal(read(zoneless, 'Europe/Berlin').series.time_zone, 'Europe/Berlin')
  t.equal(read({ ...zoneless, timezone: '' }, 'Europe/Berlin').group.time_zone, 'Europe/Berlin')
  t.equal(read(weekly, 'Europe/Berlin').group.time_zone, 'America/Los_Angeles')
  t.same(faultsOf(zoneless, 'Mars/Olympus'), ['/timezone invalid_time_zone'])
  for (const no of ['Mars/Olympus', 'EST', '+02:00', 7, []]) {
    t.same(faultsOf({ ...weekly, timezone: no }, 'Europe/Berlin'), ['/timezone invalid_time_zone'])
  }
})

t.test('ways to attend', async t => {
  t.match(group({}), { mode: 'in_person', online_url: null, online_phone: null })
  t.match(group({ conference_url: link }), { mode: 'hybrid', online_url: link })
  t.match(group({ conference_phone: '+16699006833,,123#' }), { mode: 'hybrid', online_phone: '+16699006833,,123#' })
  t.match(group({ conference_phone: 6699006833 }), { online_phone: '6699006833' })
  t.match(group({ conference_phone: '669 900 6833 ext. 12' }), { online_phone: '669 900 6833 ext. 12' })
  t.match(group({ address: null, conference_url: link }), {
    mode: 'online',
    location: { address: null, city: 'Anytown' }
  })
  t.match(group({ address: null }), { mode: 'in_person', location: { city: 'Anytown' } })
  t.equal(group({ address: null, city: null, state: null, conference_url: link }).location, null)
  t.same(faults({ address: null, city: null }), ['/address place_required'])

  t.test('a broken link or phone', async t => {
    const broken = [
      'http://zoom.us/j/1',
      'zoom.us/j/1',
      'javascript:alert(1)',
      'https://',
      'https://me:secret@zoom.us',
      5
    ]
    for (const conference_url of [...broken, `https://zoom.us/${'a'.repeat(2000)}`, 'https://zoom.us/\u0000']) {
      t.match(group({ conference_url }), { mode: 'in_person', online_url: null }, 'is left out beside a street')
      t.match(group({ conference_url, conference_phone: '+1 669' }), { mode: 'hybrid', online_url: null })
      t.same(faults({ conference_url, address: null }), ['/conference_url invalid_online_url'], 'is the only way')
    }
    for (const conference_phone of ['call me', '12', '---', '+1,,2#', '#123', 'x123', '123x', '1'.repeat(41), true]) {
      t.match(group({ conference_phone }), { mode: 'in_person', online_phone: null })
      t.same(faults({ conference_phone, address: null }), ['/conference_phone invalid_online_phone'])
    }
    t.same(faults({ types: ['ONL'], address: null }), ['/conference_url online_way_required'])
    t.match(group({ types: ['ONL'] }), { mode: 'in_person' })
  })

  t.test('temporarily closed', async t => {
    t.match(group({ types: ['TC'] }), {
      mode: 'in_person',
      status: 'paused',
      status_reason: 'Temporarily closed',
      location: { address: '123 Main Street' }
    })
    t.match(group({ types: ['TC'], conference_url: link, location: 'Alano Club', region: 'Downtown' }), {
      mode: 'online',
      status: 'active',
      status_reason: null,
      location: { address: null, city: 'Anytown', notes: 'Alano Club. Downtown. Location temporarily closed.' }
    })
  })
})

t.test('the place', async t => {
  const nowhere = { address: null, city: null, state: null }
  const place = (changes: Row) => group({ ...nowhere, ...changes })

  t.match(place({ formatted_address: '4953 W Addison St, Chicago, IL 60641, USA', conference_url: link }), {
    mode: 'hybrid',
    location: { address: '4953 W Addison St', city: 'Chicago', region: 'IL', postal_code: '60641', country: 'USA' }
  })
  t.match(place({ formatted_address: '1 Yonge St, Suite 4, Toronto, ON M5E 1W7, Canada' }).location, {
    address: '1 Yonge St, Suite 4',
    city: 'Toronto',
    region: 'ON',
    postal_code: 'M5E 1W7',
    country: 'Canada'
  })
  t.match(place({ formatted_address: 'Toronto, ON, CA' }).location, {
    address: null,
    city: 'Toronto',
    region: 'ON',
    country: 'CA'
  })
  t.match(place({ formatted_address: '5 Elm St, LA, CA' }).location, { address: '5 Elm St', city: 'LA', region: 'CA' })
  t.match(place({ formatted_address: 'Chicago, IL, USA', conference_url: link }), {
    mode: 'online',
    location: { address: null, city: 'Chicago', region: 'IL', country: 'USA', notes: null }
  })
  t.match(place({ formatted_address: 'Wicker Park, Chicago, IL, USA', conference_url: link }), {
    mode: 'online',
    location: { address: null, city: 'Chicago', notes: 'Wicker Park' }
  })
  t.match(place({ formatted_address: 'Illinois, USA', conference_url: link }), {
    mode: 'online',
    location: { address: null, city: null, notes: 'Illinois, USA' }
  })
  t.match(place({ formatted_address: '10 Downing Street, London SW1A 2AA, UK', conference_url: link }), {
    mode: 'hybrid',
    location: { address: '10 Downing Street, London SW1A 2AA, UK', city: null }
  })
  t.match(place({ formatted_address: '500 Magnolia Ave, CA' }).location, {
    address: '500 Magnolia Ave, CA',
    city: null
  })
  t.match(group({ formatted_address: '9 Other St, Elsewhere, NV 89001, USA' }).location, {
    address: '123 Main Street',
    city: 'Anytown',
    region: 'CA',
    postal_code: '89001'
  })
  t.match(place({ address: 'San Francisco, CA, USA', conference_url: link }), {
    mode: 'online',
    location: { address: null, city: 'San Francisco', region: 'CA', country: 'USA' }
  })
  t.match(group({ address: 'anytown', conference_url: link }), { mode: 'online', location: { address: null } })
  t.match(group({ approximate: 'yes', address: 'Old Town', conference_url: link }), {
    mode: 'online',
    location: { address: null, notes: 'Old Town' }
  })
  t.equal(place({ address: '1 Elm St', postal_code: 94110 }).location?.postal_code, '94110')
  t.same(faults({ city: 'a'.repeat(201) }), ['/city too_long'])
  t.same(faults({ state: {} }), ['/state wrong_type'])

  const notes = (changes: Row) => group(changes).location?.notes
  t.equal(
    notes({ location: 'Church of X.', sub_region: 'Inner Sunset', region: 'Anytown', location_notes: 'Upstairs' }),
    'Church of X. Inner Sunset. Upstairs'
  )
  t.equal(notes({ regions: ['Illinois', 'Chicago', 'Wicker Park'] }), 'Wicker Park, Chicago, Illinois')
  t.equal(notes({ location_notes: 'a'.repeat(3000) }), `${'a'.repeat(1999)}…`)
  t.same(faults({ regions: 'Illinois' }), ['/regions wrong_type'])
  t.same(faults({ regions: ['Illinois', 4.5] }), ['/regions/1 wrong_type'])

  const at = (latitude: unknown, longitude: unknown) => {
    const location = group({ latitude, longitude }).location
    return [location?.latitude, location?.longitude]
  }
  t.same(at('37.799234', '-122.435399'), [37.799234, -122.435399])
  t.same(at(90, -180), [90, -180])
  t.same(at(-0.0000001, 1), [0, 1])
  for (const [latitude, longitude] of [
    ['', ''],
    [0, 0],
    [1, null],
    ['x', 1],
    [90.1, 1],
    [1, 181],
    [[1], 1],
    ['1e1', 1]
  ]) {
    t.same(at(latitude, longitude), [null, null])
  }
})

t.test('text', async t => {
  t.equal(
    group({ notes: ' Ring <b>buzzer</b>.<br>2nd\r\nfloor ', group_notes: 'Est. 1950' }).description,
    'Ring buzzer.\n2nd\nfloor\n\nEst. 1950'
  )
  t.equal(group({ notes: 'Same', group_notes: 'Same' }).description, 'Same')
  t.equal(group({ notes: '1 < 2 <3' }).description, '1 < 2 <3')
  t.equal(group({ notes: 'a'.repeat(2000) }).description, 'a'.repeat(2000))
  t.equal(group({ notes: '😀'.repeat(2001) }).description, `${'😀'.repeat(1999)}…`)
  t.equal(group({ notes: 'e<b>\u0301</b>' }).description, 'é', 'still NFC when a tag is gone')
  t.same(faults({ notes: 'a\u0007' }), ['/notes unwritable_characters'])
  t.same(faults({ group_notes: 'a\u2066' }), ['/group_notes unwritable_characters'])
  t.same(faults({ notes: 5 }), ['/notes wrong_type'])

  const passwords = { conference_url_notes: 'Password 1234', conference_phone_notes: 'PIN 5678' }
  t.equal(group({ ...passwords, conference_url: link }).description, 'Online: Password 1234')
  t.equal(group(passwords).description, null, 'a password without its link is of no use')

  const people = { contact_1_name: 'Zoltan', contact_1_email: 'zoltan@example.org', contact_2_phone: '+1 555 0100' }
  t.same(group({ ...people, entity_phone: '+1 555 0199' }), group({}), 'people are never read')
})

t.test('all faults at once, whatever the row is', async t => {
  for (const row of [null, true, 1, 'x', [], [weekly]]) {
    t.match(readMeeting(row, noZone), { ok: false, slug: null, faults: [{ pointer: '', code: 'not_an_object' }] })
  }
  t.same(faultsOf({}), [
    '/slug required',
    '/name required',
    '/timezone time_zone_required',
    ' no_weekly_time',
    '/address place_required'
  ])
  t.match(
    readMeeting({ ...weekly, day: 9 }, noZone),
    { ok: false, slug: 'sunday-serenity' },
    'names the row it refuses'
  )
})

/** What the API would refuse in a reading, as words. */
function violations({ slug, group, series }: MeetingReading & { ok: true }): string[] {
  const length = (text: string) => [...text].length
  const line = (text: string | null | undefined, most: number) =>
    typeof text !== 'string' ||
    (text === text.trim() && text !== '' && length(text) <= most && !/[\p{Cc}\p{Cs}\p{Bidi_Control}]/u.test(text))
  const long = (text: string | null | undefined) =>
    typeof text !== 'string' ||
    (text !== '' && length(text) <= 2000 && !/[\p{Cs}\p{Bidi_Control}]|(?![\n\t])\p{Cc}/u.test(text))
  const { location } = group
  const online = group.online_url ?? group.online_phone
  const checks = {
    slug: /^[a-z0-9]+(-[a-z0-9]+)*$/.test(slug) && slug.length <= 80 && slug === group.slug,
    name: group.name !== '' && line(group.name, 200),
    description: long(group.description),
    words: [group.topics, group.languages, group.accessibility, group.audience].every(
      words => words.length <= 20 && new Set(words).size === words.length && words.every(word => line(word, 60))
    ),
    url: group.online_url === null || (/^https:\/\/[!-~]+$/.test(group.online_url) && group.online_url.length <= 2000),
    phone: group.online_phone === null || isPhone(group.online_phone),
    place: [location?.address, location?.city, location?.region, location?.postal_code, location?.country].every(part =>
      line(part, 200)
    ),
    notes: long(location?.notes),
    coordinates:
      (location?.latitude ?? null) === null
        ? (location?.longitude ?? null) === null
        : Math.abs(location?.latitude ?? 99) <= 90 && Math.abs(location?.longitude ?? 999) <= 180,
    location: location === null || Object.values(location).some(value => value !== null),
    mode: {
      in_person: online === null && (location?.address ?? location?.city ?? null) !== null,
      online: online !== null && (location?.address ?? null) === null,
      hybrid: online !== null && (location?.address ?? null) !== null
    }[group.mode],
    status: (group.status === 'paused') === (group.status_reason !== null),
    zone: isTimeZone(group.time_zone) && group.time_zone === series.time_zone,
    start: /^([01]\d|2[0-3]):[0-5]\d$/.test(series.start_time),
    duration:
      Number.isInteger(series.duration_minutes) && series.duration_minutes >= 5 && series.duration_minutes <= 1440,
    rule: (parseRule(series.rrule) as { rule?: string }).rule === series.rrule,
    weekdays: series.weekdays.length === series.rrule.split(',').length,
    json: JSON.stringify(JSON.parse(JSON.stringify({ group, series }))) === JSON.stringify({ group, series })
  }
  return Object.entries(checks)
    .filter(([, holds]) => !holds)
    .map(([what]) => what)
}

t.test('any JSON value is read or refused, and what is read keeps the bounds', async t => {
  const holds = (row: unknown, time_zone: string | null) => {
    const reading = readMeeting(row, { time_zone })
    if (reading.ok) return violations(reading).length === 0
    return (
      reading.faults.length > 0 &&
      reading.faults.every(fault => meetingFaultCodes.includes(fault.code) && /^(\/[a-z_0-9]+)*$/.test(fault.pointer))
    )
  }
  const zone = fc.constantFrom(null, 'Europe/Berlin', 'nowhere')
  fc.assert(fc.property(fc.jsonValue(), zone, holds))

  const wild = fc.oneof(fc.jsonValue(), fc.string({ unit: 'binary', maxLength: 300 }), fc.string({ unit: 'grapheme' }))
  const unlisted = `end_time formatted_address approximate regions group notes group_notes location_notes
    conference_phone conference_url_notes conference_phone_notes`
  const fields = [...new Set(list.flatMap(Object.keys)), ...unlisted.split(/\s+/)]
  const wildRow = fc.record(Object.fromEntries(fields.map(field => [field, wild])), { requiredKeys: [] })
  fc.assert(fc.property(wildRow, zone, holds))

  // Rows close to real ones get past the first checks.
  const part = fc.constantFrom('Chicago', 'CA', 'IL 60641', 'USA', '9 Elm St', 'Old Town', 'Église', ' ', '<p>')
  const address = fc.array(part, { maxLength: 5 }).map(parts => parts.join(', '))
  const nearRow = fc.record(
    {
      slug: fc.oneof(fc.string({ unit: 'grapheme', minLength: 1 }), fc.nat(), fc.webPath()),
      name: fc.oneof(address, fc.string({ unit: 'grapheme', maxLength: 300 })),
      day: fc.oneof(fc.integer({ min: -1, max: 7 }), fc.array(fc.integer({ min: 0, max: 6 }))),
      time: fc.tuple(fc.nat(24), fc.nat(59)).map(([hour, minute]) => `${hour}:${minute}`.replace(/:(\d)$/, ':0$1')),
      end_time: fc.constantFrom('24:00', '00:00', '19:00', '07:30', 'noon', ''),
      address,
      city: part,
      formatted_address: address,
      region: part,
      regions: fc.array(part),
      location: part,
      location_notes: fc.string({
        unit: fc.constantFrom('word', '. ', '\n', '<br>', '😀', 'e', '\u0301'),
        maxLength: 2500,
        size: 'max'
      }),
      notes: fc.string({ unit: 'grapheme', maxLength: 2500, size: 'max' }),
      latitude: fc.oneof(fc.double(), fc.double().map(String)),
      longitude: fc.oneof(fc.double({ min: -180, max: 180 }), fc.constant('-0.0')),
      approximate: fc.constantFrom('yes', 'no'),
      types: fc.array(fc.constantFrom(...Object.keys(meetingGuideTypes), 'ONL', 'QQ')),
      conference_url: fc.oneof(fc.webUrl(), fc.constantFrom(link, 'https://é.example/ü?|', ' HTTPS://A.example ', 'x')),
      conference_phone: fc.oneof(fc.integer(), fc.constantFrom('+1 (669) 900-6833', '', 'none', '+1,,2#'))
    },
    { requiredKeys: ['slug', 'day', 'time'] }
  )
  let taken = 0
  fc.assert(
    fc.property(nearRow, row => {
      if (readMeeting(row, { time_zone: 'Europe/Berlin' }).ok) taken++
      return holds(row, 'Europe/Berlin')
    }),
    { numRuns: 2000 }
  )
  t.ok(taken > 100, `the property met ${taken} rows that are fine`)
})
