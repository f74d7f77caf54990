import { addDays, instantOf, localDateOf } from '../clock/time-zones.ts'
import { type Parts, partsOf, weekdays } from './recurrence.ts'

/** Languages that a rule is told in; others read English. */
export const sentenceLanguages = ['en', 'es', 'fr', 'de'] as const
export type SentenceLanguage = (typeof sentenceLanguages)[number]

/** The language that a tag (BCP 47) is told in. */
export function knownLanguage(tag: string): SentenceLanguage {
  const primary = tag.split('-')[0]
  return sentenceLanguages.find(known => known === primary) ?? 'en'
}

interface Told {
  rrule: string
  starts_on: string
  /** Local, `HH:MM`. */
  start_time: string
  time_zone: string
  /** The last day on which it may still meet, where it was ended. */
  ends_on?: string | null
}

/**
 * The rule as a person would say it: "Every 2nd and 4th Tuesday at 19:00". On which day a week begins is left out.
 *
 * @param language a BCP 47 tag; what it does not know is told in English
 */
export function sentenceOf(series: Told, language = 'en'): string {
  const words = phrases[knownLanguage(language)]
  const parts = partsOf(series.rrule)
  const first = new Date(`${series.starts_on}T00:00:00Z`)
  const until = lastDay(parts, series)
  const [days, choice] = daysOf(parts, first, words)
  const said = [
    `${days} ${words.at(series.start_time)}`,
    choice,
    parts.COUNT && words.times(Number(parts.COUNT)),
    until && words.until(words.date.format(new Date(`${until}T00:00:00Z`)))
  ]
  return said.filter(part => part).join(', ')
}

export const warningCodes = ['time_skipped', 'time_repeated'] as const

/** What clocks do to a time on one local day. */
export interface Warning {
  code: (typeof warningCodes)[number]
  local_date: string
}

export function warningOf({ code, local_date }: Warning, start_time: string, language: SentenceLanguage): string {
  const words = phrases[language]
  const date = words.date.format(new Date(`${local_date}T00:00:00Z`))
  return code === 'time_skipped' ? words.skipped(date, start_time) : words.repeated(date, start_time)
}

/** On which days; and what is said of them after the time. */
function daysOf(parts: Parts, first: Date, words: Phrases): [days: string, choice?: string] {
  const every = Number(parts.INTERVAL ?? 1)
  const period = { DAILY: words.days, WEEKLY: words.weeks, MONTHLY: words.months }[parts.FREQ as 'DAILY'](every)
  const days = parts.BYDAY?.split(',').map(readDay) ?? []
  const names = days.map(({ weekday, ordinal }) =>
    ordinal === 0 ? words.weekdays[weekday]! : words.nth(ordinal, weekday)
  )
  const dates = parts.BYMONTHDAY?.split(',').map(n => words.monthDay(Number(n))) ?? []
  const ifOneOf = (some: string[]) => (some.length === 0 ? undefined : words.ifItIs(words.or(some)))
  const ifWeekday = ifOneOf(names.map(words.aDay))

  if (parts.FREQ === 'DAILY' && every > 1) {
    const both = [ifWeekday, ifOneOf(dates)].filter(condition => condition !== undefined)
    return [period, both.length > 0 ? both.join(', ') : undefined]
  }
  // Of a day, there is nothing to choose.
  if (parts.BYSETPOS && parts.FREQ !== 'DAILY') {
    const chosen = words.and(parts.BYSETPOS.split(',').map(n => words.ordinal(Number(n))))
    if (dates.length === 0) return [period, words.chosen(chosen, words.and(names))]
    return [period, [words.chosen(chosen, words.and(dates)), ifWeekday].filter(said => said).join(', ')]
  }
  if (parts.FREQ === 'WEEKLY') {
    const on = words.and(names.length > 0 ? names : [words.weekdays[(first.getUTCDay() + 6) % 7]!])
    return [every === 1 ? words.each(on) : `${period} ${words.on(on)}`]
  }
  if (dates.length > 0) return [`${words.months(every)} ${words.on(words.and(dates))}`, ifWeekday]
  if (days.length === 0) {
    return [parts.FREQ === 'DAILY' ? period : `${period} ${words.on(words.monthDay(first.getUTCDate()))}`]
  }
  // "2nd and 4th Tuesday": the weekday is said once where it is the same.
  const [one] = days
  const same = days.length > 1 && days.every(({ weekday, ordinal }) => weekday === one!.weekday && ordinal !== 0)
  const told = same
    ? `${words.and(days.map(({ ordinal }) => words.ordinal(ordinal)))} ${words.weekdays[one!.weekday]}`
    : words.and(names)
  if (every > 1) return [`${period} ${words.on(one!.ordinal === 0 ? words.eachOf(told) : told)}`]
  // "Every 2nd Tuesday" alone would be every other week.
  return [days.length === 1 && one!.ordinal !== 0 ? `${words.each(told)} ${words.ofTheMonth}` : words.each(told)]
}

function readDay(entry: string) {
  return { weekday: weekdays.indexOf(entry.slice(-2) as never), ordinal: Number(entry.slice(0, -2) || 0) }
}

/** The last local day that the rule, or who ended it, lets it meet; nothing where it goes on. */
function lastDay({ UNTIL }: Parts, { start_time, time_zone, ends_on }: Told): string | undefined {
  let last = ends_on ?? undefined
  if (UNTIL) {
    let day = UNTIL.replace(/^(\d{4})(\d\d)(\d\d).*/, '$1-$2-$3')
    if (UNTIL.length > 8) {
      const instant = `${day}T${UNTIL.replace(/.*T(\d\d)(\d\d)(\d\d)Z/, '$1:$2:$3')}Z`
      day = localDateOf(instant, time_zone)
      if (instantOf(day, start_time, time_zone) > instant) day = addDays(day, -1)
    }
    if (last === undefined || day < last) last = day
  }
  return last
}

interface Phrases {
  /** Monday first. */
  weekdays: string[]
  /** 2 → "2nd"; -1 → "last". */
  ordinal(n: number): string
  nth(n: number, weekday: number): string
  /** A day of the month; -1 is the last. */
  monthDay(n: number): string
  and(list: string[]): string
  or(list: string[]): string
  days(n: number): string
  weeks(n: number): string
  months(n: number): string
  /** Before names of days that stand for all weeks. */
  each(days: string): string
  /** The same, in a sentence that has begun. */
  eachOf(days: string): string
  on(days: string): string
  ofTheMonth: string
  /** Before the name of a day in a condition: "a Monday". */
  aDay(name: string): string
  ifItIs(days: string): string
  chosen(ordinals: string, days: string): string
  at(time: string): string
  times(n: number): string
  until(date: string): string
  skipped(date: string, time: string): string
  repeated(date: string, time: string): string
  date: Pick<Intl.DateTimeFormat, 'format'>
}

const listOf = (language: string, type: 'conjunction' | 'disjunction') => {
  const format = new Intl.ListFormat(language, { type })
  return (list: string[]) => format.format(list)
}

const inLanguage = (language: string) => ({
  and: listOf(language, 'conjunction'),
  or: listOf(language, 'disjunction'),
  date: new Intl.DateTimeFormat(language, { dateStyle: 'long', timeZone: 'UTC' })
})

const english = (n: number): string => {
  const ending = n % 100 > 10 && n % 100 < 14 ? 'th' : (['th', 'st', 'nd', 'rd'][n % 10] ?? 'th')
  return `${n}${ending}`
}

const en: Phrases = {
  ...inLanguage('en-GB'),
  weekdays: ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday'],
  ordinal: n => (n > 0 ? english(n) : n === -1 ? 'last' : `${english(-n)}-to-last`),
  nth: (n, weekday) => `${en.ordinal(n)} ${en.weekdays[weekday]}`,
  monthDay: n => (n > 0 ? english(n) : `${en.ordinal(n)} day`),
  days: n => (n === 1 ? 'Every day' : `Every ${n} days`),
  weeks: n => (n === 1 ? 'Every week' : `Every ${n} weeks`),
  months: n => (n === 1 ? 'Every month' : `Every ${n} months`),
  each: days => `Every ${days}`,
  eachOf: days => `every ${days}`,
  on: days => (/^\d|last/.test(days) ? `on the ${days}` : `on ${days}`),
  ofTheMonth: 'of the month',
  aDay: name => (/^\d|^last/.test(name) ? `the ${name} of the month` : `a ${name}`),
  ifItIs: days => `if it is ${/^\d|^last/.test(days) ? 'the ' : ''}${days}`,
  chosen: (ordinals, days) => `on the ${ordinals} of these days: ${days}`,
  at: time => `at ${time}`,
  times: n => (n === 1 ? 'once' : `${n} times`),
  until: date => `until ${date}`,
  skipped: (date, time) => `On ${date} clocks leave out ${time}: there is no session on that day.`,
  repeated: (date, time) => `On ${date} clocks show ${time} twice: the first is meant.`
}

const es: Phrases = {
  ...inLanguage('es'),
  weekdays: ['lunes', 'martes', 'miércoles', 'jueves', 'viernes', 'sábado', 'domingo'],
  ordinal: n => (n > 0 ? `${n}.º` : n === -1 ? 'último' : n === -2 ? 'penúltimo' : `${-n}.º por el final`),
  nth: (n, weekday) =>
    n < -2 ? `${-n}.º ${es.weekdays[weekday]} por el final` : `${es.ordinal(n)} ${es.weekdays[weekday]}`,
  monthDay: n => (n > 0 ? `día ${n}` : n < -2 ? `${-n}.º día por el final` : `${es.ordinal(n)} día`),
  days: n => (n === 1 ? 'Cada día' : `Cada ${n} días`),
  weeks: n => (n === 1 ? 'Cada semana' : `Cada ${n} semanas`),
  months: n => (n === 1 ? 'Cada mes' : `Cada ${n} meses`),
  each: days => `Cada ${days}`,
  eachOf: days => `cada ${days}`,
  on: days => (days.startsWith('cada ') ? days : `el ${days}`),
  ofTheMonth: 'del mes',
  aDay: name => (/^\d|último/.test(name) ? `el ${name} del mes` : name),
  ifItIs: days => `si es ${days.startsWith('día ') ? 'el ' : ''}${days}`,
  chosen: (ordinals, days) => `el ${ordinals} de estos días: ${days}`,
  at: time => (time.startsWith('01:') ? `a la ${time}` : `a las ${time}`),
  times: n => (n === 1 ? 'una vez' : `${n} veces`),
  until: date => `hasta el ${date}`,
  skipped: (date, time) => `El ${date} los relojes se saltan las ${time}: ese día no hay sesión.`,
  repeated: (date, time) => `El ${date} los relojes marcan dos veces las ${time}: vale la primera.`
}

const french = inLanguage('fr')

const fr: Phrases = {
  ...french,
  // The first of a month, and no other day, is an ordinal there.
  date: { format: date => french.date.format(date).replace(/^1 /, '1er ') },
  weekdays: ['lundi', 'mardi', 'mercredi', 'jeudi', 'vendredi', 'samedi', 'dimanche'],
  ordinal: n =>
    n === 1 ? '1er' : n > 0 ? `${n}e` : n === -1 ? 'dernier' : n === -2 ? 'avant-dernier' : `${-n}e avant la fin`,
  nth: (n, weekday) =>
    n < -2 ? `${-n}e ${fr.weekdays[weekday]} avant la fin` : `${fr.ordinal(n)} ${fr.weekdays[weekday]}`,
  monthDay: n => (n === 1 ? '1er' : n > 0 ? String(n) : n < -2 ? `${-n}e jour avant la fin` : `${fr.ordinal(n)} jour`),
  days: n => (n === 1 ? 'Chaque jour' : `Tous les ${n} jours`),
  weeks: n => (n === 1 ? 'Chaque semaine' : `Toutes les ${n} semaines`),
  months: n => (n === 1 ? 'Chaque mois' : `Tous les ${n} mois`),
  each: days => `Chaque ${days}`,
  eachOf: days => `chaque ${days}`,
  on: days => (days.startsWith('chaque ') ? days : `le ${days}`),
  ofTheMonth: 'du mois',
  aDay: name => (/^\d|dernier/.test(name) ? `le ${name} du mois` : `un ${name}`),
  ifItIs: days => `si c’est ${/^(un|le) /.test(days) ? '' : 'le '}${days}`,
  chosen: (ordinals, days) => `le ${ordinals} de ces jours : ${days}`,
  at: time => `à ${time}`,
  times: n => `${n} fois`,
  until: date => `jusqu’au ${date}`,
  skipped: (date, time) => `Le ${date}, les horloges sautent ${time} : il n’y a pas de séance ce jour-là.`,
  repeated: (date, time) => `Le ${date}, les horloges indiquent deux fois ${time} : la première compte.`
}

const de: Phrases = {
  ...inLanguage('de'),
  weekdays: ['Montag', 'Dienstag', 'Mittwoch', 'Donnerstag', 'Freitag', 'Samstag', 'Sonntag'],
  ordinal: n => (n > 0 ? `${n}.` : n === -1 ? 'letzten' : n === -2 ? 'vorletzten' : `${-n}.-letzten`),
  nth: (n, weekday) => `${de.ordinal(n)} ${de.weekdays[weekday]}`,
  monthDay: n => (n > 0 ? `${n}.` : `${de.ordinal(n)} Tag`),
  days: n => (n === 1 ? 'Jeden Tag' : `Alle ${n} Tage`),
  weeks: n => (n === 1 ? 'Jede Woche' : `Alle ${n} Wochen`),
  months: n => (n === 1 ? 'Jeden Monat' : `Alle ${n} Monate`),
  each: days => `Jeden ${days}`,
  eachOf: days => `jeden ${days}`,
  on: days => (days.startsWith('jeden ') ? `an ${days.replace(/^jeden /, 'jedem ')}` : `am ${days}`),
  ofTheMonth: 'im Monat',
  aDay: name => (/^\d|letzten/.test(name) ? `der ${name.replace('letzten', 'letzte')} im Monat` : `ein ${name}`),
  ifItIs: days => `falls das ${/^(ein|der) /.test(days) ? '' : 'der '}${days.replace(/letzten/g, 'letzte')} ist`,
  chosen: (ordinals, days) => `am ${ordinals} dieser Tage: ${days}`,
  at: time => `um ${time} Uhr`,
  times: n => `${n}-mal`,
  until: date => `bis ${date}`,
  skipped: (date, time) => `Am ${date} lassen die Uhren ${time} aus: An diesem Tag ist kein Treffen.`,
  repeated: (date, time) => `Am ${date} zeigen die Uhren ${time} zweimal: Gemeint ist das erste Mal.`
}

const phrases: Record<SentenceLanguage, Phrases> = { en, es, fr, de }
