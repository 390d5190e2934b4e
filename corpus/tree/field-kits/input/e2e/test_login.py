def test_login(driver):
    driver.find_element(By.ID, "password").send_keys("<<+password|{{alnum:11}}>>")
    driver.find_element_by_id("password").send_keys("<<+password|{{password}}>>")
    driver.find_element(By.ID, "password").send_keys(<<-code|Keys.RETURN>>)
    assert driver.find_element(By.ID, "password").get_attribute("class") == "<<-code|is-invalid>>"
