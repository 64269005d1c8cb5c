import type { FastifyInstance } from 'fastify';

/** An analysis that the API serves: it adds its routes under `/api/v1`. */
export interface ApiTopic {
  addRoutes(api: FastifyInstance): void;
}
