import { Module } from '@nestjs/common';
import { ControlPlane } from './control-plane.js';
import { Pulse } from './pulse.js';

@Module({ providers: [ControlPlane, Pulse], exports: [ControlPlane, Pulse] })
export class ControlModule {}
