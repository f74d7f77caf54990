/** How somebody wants to be reached; `none`: not at all. */
export const contactWays = ['email', 'phone', 'postal', 'none'] as const

export interface Contact {
  email: string | null
  phone: string | null
  postal: string | null
  preferred: (typeof contactWays)[number] | null
}

const unknown: Contact = { email: null, phone: null, postal: null, preferred: null }

/** Absent fields stay as they were, null clears. Where nothing is known any more, there is no contact at all. */
export function mergeContact(before: Contact | null, changes: Partial<Contact> | null): Contact | null {
  if (changes === null) return null
  const after = { ...unknown, ...before, ...changes }
  return Object.values(after).every(value => value === null) ? null : after
}

/** The one spelling under which an address is found again. */
export const normalEmail = (email: string): string => email.normalize('NFC').trim().toLowerCase()

/** The digits, and whether they begin with a country: `+1 (415) 555-0100` is `+14155550100`. */
export const normalPhone = (phone: string): string =>
  `${phone.trim().startsWith('+') ? '+' : ''}${phone.replace(/\D/g, '')}`
