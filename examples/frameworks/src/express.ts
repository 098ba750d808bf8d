import express from 'express';
import { port, receiver } from './billing.js';

// Before express.json(): what is signed are the bytes as they came.
const app = express().use('/hooks', receiver.node).use(express.json());

app.listen(port, '127.0.0.1', () => console.log('listens'));
