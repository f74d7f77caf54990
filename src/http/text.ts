import type { FastifyReply } from 'fastify'

/** Sends a JSON text that PostgreSQL wrote as it is: it stands for the type that the contract names. */
export function asText<T>(reply: FastifyReply, json: string): T {
  reply.header('content-type', 'application/json; charset=utf-8')
  return json as T
}
