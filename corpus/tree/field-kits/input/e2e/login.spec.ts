describe('login', () => {
  it('lets users in', () => {
    cy.get('#password').type('<<+password|{{alnum:14}}>>')
    cy.get('input[name=password]').type('<<+password|{{password}}>>')
    cy.get('#password').type(<<-code|user.password>>)
    cy.get('#token').type('<<-code|{enter}>>')
    await page.fill('#password', '<<+password|{{alnum:12}}>>')
    await page.locator('[data-test="password"]').fill('<<+password|{{alnum:10}}>>')
    await waitForValue('#password', '<<+password|{{word}}-{{digits:4}}>>')
    expect(page.locator('#password')).toHaveAttribute('type', '<<-code|password>>')
    cy.get('#password-error').should('contain', '<<-prose|Too short>>')
  })
})
