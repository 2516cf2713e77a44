"""The two token programs: SPL Token as its rewrite (p-token) behaves, and Token-2022 with the extensions pools meet."""
