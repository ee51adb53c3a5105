//! Instructions of the kernel's packet virtual machine by name, and jumps to places instead of distances. RFC 9669.

use crate::sys::Instruction;

/// Classes of instructions. RFC 9669 §3.
const LD: u8 = 0;
const LDX: u8 = 1;
const ST: u8 = 2;
const STX: u8 = 3;
const ALU: u8 = 4;
const JMP: u8 = 5;
const JMP32: u8 = 6;
const ALU64: u8 = 7;

/// Operations on registers, and where the other operand is. RFC 9669 §4.
const ADD: u8 = 0x00;
const AND: u8 = 0x50;
const RSH: u8 = 0x70;
const MOD: u8 = 0x90;
const XOR: u8 = 0xa0;
const MOV: u8 = 0xb0;
const END: u8 = 0xd0;
const CONSTANT: u8 = 0x00;
const REGISTER: u8 = 0x08;
const TO_BIG_ENDIAN: u8 = 0x08;

const JA: u8 = 0x00;
const CALL: u8 = 0x80;
const EXIT: u8 = 0x90;

/// Addressing. RFC 9669 §5.
const IMM: u8 = 0x00;
const MEM: u8 = 0x60;
const WIDE: u8 = 0x18;
/// The wide constant is the number of a map's descriptor. Linux `BPF_PSEUDO_MAP_FD`.
const MAP_DESCRIPTOR: u8 = 1;

/// A register: `R0` has results, `R1` to `R5` arguments, which a call destroys, `R6` to `R9` last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Register {
    R0 = 0,
    R1 = 1,
    R2 = 2,
    R3 = 3,
    R4 = 4,
    R6 = 6,
    R7 = 7,
    R8 = 8,
    R9 = 9,
    /// End of the stack, which grows downwards.
    Frame = 10,
}

/// How many octets are moved.
#[derive(Debug, Clone, Copy)]
pub(super) enum Size {
    Octet = 0x10,
    Half = 0x08,
    Word = 0x00,
}

/// When a jump is taken; all compare numbers of 32 bits without a sign.
#[derive(Debug, Clone, Copy)]
pub(super) enum If {
    Equal = 0x10,
    Unequal = 0x50,
    Above = 0x20,
    Below = 0xa0,
}

/// A function of the kernel. Linux include/uapi/linux/bpf.h.
#[derive(Debug, Clone, Copy)]
pub(super) enum Helper {
    /// `R1` map, `R2` key: a pointer to the value, or null.
    Find = 1,
    /// `R1` packet, `R2` offset, `R3` to where, `R4` length: 0 if there is so much.
    LoadOctets = 26,
    /// `R1` packet, `R2` the new packet type.
    ChangeType = 32,
}

/// A program that is being written; places are named by `Label`.
#[derive(Debug)]
pub(super) struct Assembler<Label> {
    code: Vec<Instruction>,
    places: Vec<(Label, usize)>,
    jumps: Vec<(usize, Jump, Label)>,
}

#[derive(Debug, Clone, Copy)]
struct Jump {
    code: u8,
    register: Register,
    constant: u32,
}

impl<Label: PartialEq> Assembler<Label> {
    pub fn new() -> Self {
        Assembler { code: Vec::new(), places: Vec::new(), jumps: Vec::new() }
    }

    /// What follows is at `label`.
    pub fn at(&mut self, label: Label) {
        self.places.push((label, self.code.len()));
    }

    pub fn set(&mut self, to: Register, constant: i32) {
        self.push(ALU64 | MOV | CONSTANT, to, Register::R0, 0, constant);
    }

    pub fn copy(&mut self, to: Register, from: Register) {
        self.push(ALU64 | MOV | REGISTER, to, from, 0, 0);
    }

    /// `to` points so many octets from the end of the stack.
    pub fn point(&mut self, to: Register, offset: i16) {
        self.copy(to, Register::Frame);
        self.push(ALU64 | ADD | CONSTANT, to, Register::R0, 0, offset.into());
    }

    pub fn load(&mut self, size: Size, to: Register, base: Register, offset: i16) {
        self.push(LDX | MEM | size as u8, to, base, offset, 0);
    }

    pub fn store(&mut self, size: Size, base: Register, offset: i16, from: Register) {
        self.push(STX | MEM | size as u8, base, from, offset, 0);
    }

    pub fn store_zero(&mut self, size: Size, base: Register, offset: i16) {
        self.push(ST | MEM | size as u8, base, Register::R0, offset, 0);
    }

    pub fn load_map(&mut self, to: Register, descriptor: i32) {
        let code = LD | IMM | WIDE;
        self.code.push(Instruction::new(code, to as u8, MAP_DESCRIPTOR, 0, descriptor));
        // The upper half of a constant of 64 bits.
        self.code.push(Instruction::new(0, 0, 0, 0, 0));
    }

    pub fn exclusive_or(&mut self, to: Register, from: Register) {
        self.push(ALU | XOR | REGISTER, to, from, 0, 0);
    }

    pub fn remainder(&mut self, to: Register, of: Register) {
        self.push(ALU | MOD | REGISTER, to, of, 0, 0);
    }

    pub fn shift_right(&mut self, to: Register, by: Register) {
        self.push(ALU | RSH | REGISTER, to, by, 0, 0);
    }

    pub fn and(&mut self, to: Register, constant: i32) {
        self.push(ALU | AND | CONSTANT, to, Register::R0, 0, constant);
    }

    /// A word as it came from the wire becomes a number.
    pub fn swap_from_wire(&mut self, to: Register) {
        self.push(ALU | END | TO_BIG_ENDIAN, to, Register::R0, 0, 32);
    }

    pub fn call(&mut self, helper: Helper) {
        self.push(JMP | CALL, Register::R0, Register::R0, 0, helper as i32);
    }

    pub fn exit(&mut self) {
        self.push(JMP | EXIT, Register::R0, Register::R0, 0, 0);
    }

    pub fn jump(&mut self, label: Label) {
        self.jump_by(Jump { code: JMP | JA, register: Register::R0, constant: 0 }, label);
    }

    pub fn jump_if(&mut self, register: Register, condition: If, constant: u32, label: Label) {
        self.jump_by(Jump { code: JMP32 | condition as u8 | CONSTANT, register, constant }, label);
    }

    /// Of all 64 bits, as the kernel wants a pointer to be looked at.
    pub fn jump_if_null(&mut self, register: Register, label: Label) {
        self.jump_by(Jump { code: JMP | If::Equal as u8 | CONSTANT, register, constant: 0 }, label);
    }

    /// The finished program; `None` if a jump leads nowhere, or too far.
    pub fn finish(mut self) -> Option<Vec<Instruction>> {
        for (from, jump, label) in &self.jumps {
            let (_, place) = self.places.iter().find(|(name, _)| name == label)?;
            // Counted from the instruction behind the jump.
            let distance = i64::try_from(*place).ok()? - i64::try_from(*from).ok()? - 1;
            let Jump { code, register, constant } = *jump;
            let constant = i32::from_ne_bytes(constant.to_ne_bytes());
            let distance = i16::try_from(distance).ok()?;
            *self.code.get_mut(*from)? = Instruction::new(code, register as u8, 0, distance, constant);
        }
        Some(self.code)
    }

    fn jump_by(&mut self, jump: Jump, label: Label) {
        self.jumps.push((self.code.len(), jump, label));
        self.push(jump.code, jump.register, Register::R0, 0, 0);
    }

    fn push(&mut self, code: u8, to: Register, from: Register, offset: i16, constant: i32) {
        self.code.push(Instruction::new(code, to as u8, from as u8, offset, constant));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jumps_are_counted_from_behind_them() {
        let mut program = Assembler::new();
        program.at("again");
        program.set(Register::R0, -1);
        program.jump_if(Register::R0, If::Equal, 7, "end");
        program.jump("again");
        program.at("end");
        program.exit();
        let code = program.finish().unwrap();
        assert_eq!(
            code,
            [
                Instruction::new(0xb7, 0, 0, 0, -1),
                Instruction::new(0x16, 0, 0, 1, 7),
                Instruction::new(0x05, 0, 0, -3, 0),
                Instruction::new(0x95, 0, 0, 0, 0),
            ]
        );
    }

    #[test]
    fn a_jump_to_nowhere_is_no_program() {
        let mut program = Assembler::new();
        program.jump("nowhere");
        assert_eq!(program.finish(), None);
    }
}
